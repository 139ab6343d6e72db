"""Puts around an algorithm what its options ask for: slow start, outlier detection. Without them nothing is added."""

from __future__ import annotations

from functools import cache

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Balancer, Inputs, Options


@cache
def common_options() -> tuple[Option, ...]:
    """Return the options that every algorithm has beside its own."""
    # Imported here and below, because few Services ask for any.
    from kubeproxy.balancers.outliers import OUTLIER_OPTIONS
    from kubeproxy.balancers.slow_start import SLOW_START_OPTIONS

    return (*SLOW_START_OPTIONS, *OUTLIER_OPTIONS)


def all_options(algorithm: type[Balancer]) -> tuple[Option, ...]:
    """Return the options of an algorithm, its own first; one of its own hides a common one of the same name."""
    own = {each.name for each in algorithm.options}
    return (*algorithm.options, *(each for each in common_options() if each.name not in own))


def compose(algorithm: type[Balancer], inputs: Inputs, options: Options) -> Balancer:
    """Return an algorithm with what ``options`` ask for around it; what they do not name is not asked for."""
    if not (options.get("slow_start") or options.get("outlier_detection")):
        return algorithm(inputs, options)
    from kubeproxy.balancers.outliers import OutlierDetection
    from kubeproxy.balancers.slow_start import start_slowly, youth_of

    youth = youth_of(options, inputs.clock)
    if youth is not None and algorithm.reads_weight:
        inputs = inputs._replace(weight=youth.weight)
    made = algorithm(inputs, options)
    if options.get("outlier_detection"):
        made = OutlierDetection(made, inputs, options)
    # Outside of the detection: an endpoint that comes back is not new.
    return made if youth is None else start_slowly(made, youth, inputs.rng, is_exact=algorithm.reads_weight)

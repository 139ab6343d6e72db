"""Puts around an algorithm what its options ask for: slow start, outlier detection. Without them nothing is added."""

from __future__ import annotations

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Balancer, Inputs, Options
from kubeproxy.balancers.outliers import OUTLIER_OPTIONS, OutlierDetection
from kubeproxy.balancers.slow_start import SLOW_START_OPTIONS, start_slowly, youth_of

COMMON_OPTIONS: tuple[Option, ...] = (*SLOW_START_OPTIONS, *OUTLIER_OPTIONS)
"""The options that every algorithm has beside its own."""


def all_options(algorithm: type[Balancer]) -> tuple[Option, ...]:
    """Return the options of an algorithm, its own first; one of its own hides a common one of the same name."""
    own = {each.name for each in algorithm.options}
    return (*algorithm.options, *(each for each in COMMON_OPTIONS if each.name not in own))


def compose(algorithm: type[Balancer], inputs: Inputs, options: Options) -> Balancer:
    """Return an algorithm with what ``options`` ask for around it; what they do not name is not asked for."""
    youth = youth_of(options, inputs.clock)
    if youth is not None and algorithm.reads_weight:
        inputs = inputs._replace(weight=youth.weight)
    made = algorithm(inputs, options)
    if options.get("outlier_detection"):
        made = OutlierDetection(made, inputs, options)
    # Outside of the detection: an endpoint that comes back is not new.
    return made if youth is None else start_slowly(made, youth, inputs.rng, is_exact=algorithm.reads_weight)

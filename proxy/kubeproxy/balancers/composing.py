"""Puts around an algorithm what its options ask for: slow start, outlier detection. Without them nothing is added."""

from __future__ import annotations

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Balancer, Inputs, Options
from kubeproxy.balancers.slow_start import SLOW_START_OPTIONS, start_slowly

COMMON_OPTIONS: tuple[Option, ...] = SLOW_START_OPTIONS
"""The options that every algorithm has beside its own."""


def all_options(algorithm: type[Balancer]) -> tuple[Option, ...]:
    """Return the options of an algorithm, its own first; one of its own hides a common one of the same name."""
    own = {each.name for each in algorithm.options}
    return (*algorithm.options, *(each for each in COMMON_OPTIONS if each.name not in own))


def compose(algorithm: type[Balancer], inputs: Inputs, options: Options) -> Balancer:
    """Return an algorithm with what ``options`` (all of ``all_options``) ask for around it."""
    return start_slowly(algorithm, inputs, options)

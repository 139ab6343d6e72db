"""From how far a use is from its target to a number of replicas. Pure.

Follows k8s.io/kubernetes ``pkg/controller/podautoscaler/replica_calculator.go``: the present number times how far the
use is from its target, but for differences within the tolerance. Pods of which nothing is known count so that they
make the change smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.serialization.quantity import amount_of
from kubecontroller.autoscaling.podmetrics import Measured

TOLERANCE = 0.1
"""--horizontal-pod-autoscaler-tolerance"""
MAX_INT32 = 2**31 - 1
Rule = tuple[Callable[[Mapping[str, int]], float], Callable[[str], int]]
"""The ratio of some pods' use to the target, and what an unknown pod counts for if that ratio asks for fewer."""


class Tolerance(NamedTuple):
    """How far the use may be from its target in either direction, as a share of it."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def has(self, ratio: float) -> bool:
        """Tell whether a ratio of use to target asks for no change."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def thousandths(target: JSON, field: str) -> int:
    """Return an amount of a target, in thousandths."""
    return int(amount_of(target[field]) * 1000)


def rule_of_average(target: JSON) -> Rule:
    """Return the rule of a target for the average of the pods."""
    wanted = thousandths(target, "averageValue")
    return (lambda values: average(values) / wanted), (lambda _: wanted)


def average(values: Mapping[str, int]) -> int:
    """Return the average of the pods, as Go divides whole numbers."""
    return sum(values.values()) // len(values)


def replicas_by_pods(measured: Measured, current: int, tolerance: Tolerance, rule: Rule) -> int:
    """Return the replicas that a ratio of the pods' use to the target asks for."""
    ratio_of, full = rule
    ratio = ratio_of(measured.values)
    counts_unready = bool(measured.unready) and ratio > 1.0
    if not counts_unready and not measured.missing:
        return current if tolerance.has(ratio) else math.ceil(ratio * measured.ready)
    values = dict(measured.values)
    if ratio != 1.0:
        values |= {each: full(each) if ratio < 1.0 else 0 for each in measured.missing}
    if counts_unready:
        values |= dict.fromkeys(measured.unready, 0)
    again = ratio_of(values)
    if tolerance.has(again) or (ratio < 1.0 < again) or (again < 1.0 < ratio):
        return current
    replicas = math.ceil(again * len(values))
    turns = (again < 1.0 and replicas > current) or (again > 1.0 and replicas < current)
    return current if turns else replicas


def replicas_by_ratio(ratio: float, current: int, ready: int, tolerance: Tolerance) -> int:
    """Return the replicas that the use of one object asks for, where so many pods are ready (0 pods: as if one)."""
    if current == 0:
        return math.ceil(ratio)
    return current if tolerance.has(ratio) else min(math.ceil(ratio * ready), MAX_INT32)


def replicas_by_share(value: int, wanted: int, present: int, tolerance: Tolerance) -> int:
    """Return the replicas of which each has ``wanted`` of an object's value; ``present`` are those that there are."""
    ratio = value / (wanted * present) if present else math.inf if value else math.nan
    return present if tolerance.has(ratio) else math.ceil(value / wanted)

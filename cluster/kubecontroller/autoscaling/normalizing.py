"""Brings what the metrics ask for within the limits: least and most, the rates, what was asked for before. Pure.

Follows ``normalizeDesiredReplicas`` and its relatives in ``pkg/controller/podautoscaler/horizontal.go``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at

DOWNSCALE_SECONDS = 300
"""How long fewer replicas must have been asked for (--horizontal-pod-autoscaler-downscale-stabilization)."""
_LIMIT_FACTOR, _LIMIT_LEAST = 2.0, 4.0


class Moment(NamedTuple):
    """A number of replicas, asked for or changed by, at a time in seconds since the epoch."""

    time: float
    replicas: int


@dataclass
class Memory:
    """What an autoscaler asked for and did in the last hour: ``up`` and ``down`` are replicas that came and went.

    ``waits`` is how often it has waited for figures since its last look.
    """

    asked: list[Moment] = field(default_factory=list)
    up: list[Moment] = field(default_factory=list)
    down: list[Moment] = field(default_factory=list)
    waits: int = 0

    def forget(self, now: float) -> None:
        """Drop what no window can reach any more."""
        oldest = now - 3600
        for each in (self.asked, self.up, self.down):
            each[:] = [moment for moment in each if moment.time >= oldest]


class Range(NamedTuple):
    """The replicas now, those that are asked for, and the least and the most."""

    current: int
    desired: int
    least: int
    most: int


class Normalized(NamedTuple):
    """The number within the limits; ``stable`` and ``limit`` are reason and message of the two conditions."""

    replicas: int
    stable: tuple[str, str]
    limit: tuple[str, str]
    is_limited: bool


_READY = ("ReadyForNewScale", "recommended size matches current size")
_WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
_LIMITS = {
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
}


def normalize(wanted: Range, behavior: JSON | None, memory: Memory, now: float) -> Normalized:
    """Return the number of replicas to set, and remember what was asked for."""
    if behavior is None:
        cutoff = now - DOWNSCALE_SECONDS
        recent = [each.replicas for each in memory.asked if each.time >= cutoff]
        stabilized = max([wanted.desired, *recent])
        reason = ("ScaleDownStabilized", _HIGHER)
    else:
        stabilized, reason = _stabilized(wanted, behavior, memory, now)
    memory.asked.append(Moment(now, wanted.desired))
    stable = _READY if stabilized == wanted.desired else reason
    limited = wanted._replace(desired=stabilized)
    replicas, why = _bounded(limited) if behavior is None else _rated(limited, behavior, memory, now)
    return Normalized(replicas, stable, (why, _LIMITS[why]) if why else _WITHIN, replicas != stabilized)


_HIGHER = "recent recommendations were higher than current one, applying the highest recent recommendation"
_LOWER = "recent recommendations were lower than current one, applying the lowest recent recommendation"


def _stabilized(wanted: Range, behavior: JSON, memory: Memory, now: float) -> tuple[int, tuple[str, str]]:
    """Return the number that the windows of both directions allow (stabilizeRecommendationWithBehaviors)."""
    up_window = behavior["scaleUp"].get("stabilizationWindowSeconds", 0)
    down_window = behavior["scaleDown"].get("stabilizationWindowSeconds", DOWNSCALE_SECONDS)
    least = min([wanted.desired, *(each.replicas for each in memory.asked if each.time > now - up_window)])
    most = max([wanted.desired, *(each.replicas for each in memory.asked if each.time > now - down_window)])
    stabilized = min(max(wanted.current, least), most)
    is_up = wanted.desired >= wanted.current
    return stabilized, ("ScaleUpStabilized", _LOWER) if is_up else ("ScaleDownStabilized", _HIGHER)


def _bounded(wanted: Range) -> tuple[int, str]:
    """Return the number within the limits, and the limit that holds, "" for none (convertDesiredReplicasWithRules)."""
    rate = int(max(_LIMIT_FACTOR * wanted.current, _LIMIT_LEAST))
    most, why = (rate, "ScaleUpLimit") if wanted.most > rate else (wanted.most, "TooManyReplicas")
    if wanted.desired < wanted.least:
        return wanted.least, "TooFewReplicas"
    return (most, why) if wanted.desired > most else (wanted.desired, "")


def _rated(wanted: Range, behavior: JSON, memory: Memory, now: float) -> tuple[int, str]:
    """Return the number within the limits and the rates of a behavior (convertDesiredReplicasWithBehaviorRate)."""
    current, desired = wanted.current, wanted.desired
    if desired > current:
        rate = max(_rate(behavior["scaleUp"], current, memory, now, is_up=True), current)
        most, why = (rate, "ScaleUpLimit") if wanted.most > rate else (wanted.most, "TooManyReplicas")
        return (most, why) if desired > most else (desired, "")
    if desired < current:
        rate = min(_rate(behavior["scaleDown"], current, memory, now, is_up=False), current)
        least, why = (rate, "ScaleDownLimit") if wanted.least < rate else (wanted.least, "TooFewReplicas")
        return (least, why) if desired < least else (desired, "")
    return desired, ""


def _rate(rules: JSON, current: int, memory: Memory, now: float, *, is_up: bool) -> int:
    """Return the number of replicas that the policies of a direction allow now."""
    if rules["selectPolicy"] == "Disabled":
        return current
    proposed: list[int] = []
    for policy in list_at(rules, "policies"):
        since, value = now - policy["periodSeconds"], policy["value"]
        added = sum(each.replicas for each in memory.up if each.time > since)
        removed = sum(each.replicas for each in memory.down if each.time > since)
        start = current - added + removed
        if policy["type"] == "Pods":
            proposed.append(start + value if is_up else start - value)
        elif is_up:
            proposed.append(math.ceil(start * (1 + value / 100)))
        else:
            proposed.append(int(start * (1 - value / 100)))
    chooses_most = (rules["selectPolicy"] == "Max") == is_up
    return max(proposed) if chooses_most else min(proposed)

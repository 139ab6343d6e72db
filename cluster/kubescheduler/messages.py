"""The scheduler's sentences about pods that fit nowhere (FitError of pkg/scheduler/framework/types.go). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kubescheduler.refusal import Refusal

UNHELPFUL = "Preemption is not helpful for scheduling"


def explain(count: int, refusals: Iterable[Refusal]) -> str:
    """Return how many of ``count`` nodes refuse a pod for which reasons."""
    reasons = Counter(reason for refusal in refusals for reason in refusal.reasons)
    return no_node(count, ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items())))


def no_node(count: int, why: str) -> str:
    """Return that none of ``count`` nodes may run a pod."""
    return f"0/{count} nodes are available: {why}."


def with_preemption(message: str, outcome: str) -> str:
    """Return what was said of the nodes and of removing pods from them."""
    return f"{message} preemption: {outcome}"


def unhelpful(count: int) -> str:
    """Return that no removal of pods would help."""
    return no_node(count, f"{count} {UNHELPFUL}")

"""The conditions of an autoscaler: each keeps its place in the list (setConditionInList in ``horizontal.go``). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON, format_time


def with_status(conditions: Sequence[JSON], kind: str, said: tuple[str, str, str], now: float) -> list[JSON]:
    """Return the conditions with one of them set; ``said`` are its status, reason and message."""
    value, reason, message = said
    before = next((each for each in conditions if each.get("type") == kind), None)
    is_same = before is not None and before.get("status") == value
    since = before["lastTransitionTime"] if before is not None and is_same else format_time(now)
    condition = {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
    if before is None:
        return [*conditions, condition]
    return [condition if each is before else each for each in conditions]

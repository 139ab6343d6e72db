"""One look at an autoscaler: what it scales, and the conditions, metrics and events that come of the look. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.meta import JSON, format_time
from kubeapi.objects.parts import list_at, spec_of, status_of
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS, Resource
from kubecontroller.autoscaling.conditions import with_status
from kubecontroller.autoscaling.normalizing import Memory
from kubecontroller.change import WARNING, Change, RecordEvent, UpdateStatus

_SCALED_TO_ZERO = "ScaledToZero"


class Target(NamedTuple):
    """What an autoscaler scales; ``fault`` is why it cannot, "" if it can."""

    resource: Resource | None = None
    obj: JSON | None = None
    fault: str = ""


class Sync:
    """One look at an autoscaler: its next conditions, and the writes that it asks for."""

    def __init__(self, autoscaler: JSON, memory: Memory, now: float) -> None:
        self.changes: list[Change] = []
        self.conditions: list[JSON] = list(status_of(autoscaler).get("conditions") or ())
        self.metrics: list[JSON] = []
        self.memory, self.now = memory, now
        self.obj, self.spec = autoscaler, spec_of(autoscaler)

    def warn(self, reason: str, message: str) -> None:
        """Record a warning about the autoscaler."""
        self.changes.append(RecordEvent(self.obj, WARNING, reason, message))

    def set(self, kind: str, value: str, reason: str, message: str) -> None:
        """Set a condition."""
        self.conditions = with_status(self.conditions, kind, (value, reason, message), self.now)

    @property
    def has_scaled_to_zero(self) -> bool:
        """Whether it was an autoscaler that has set the replicas to zero, and so may set them to more."""
        found = next((each for each in self.conditions if each.get("type") == _SCALED_TO_ZERO), None)
        return found is not None and found.get("status") == "True"

    @property
    def sees_other_objects(self) -> bool:
        """Whether a metric has a value where there are no pods (hasObjectOrExternalMetrics)."""
        return any(each["type"] in ("Object", "External") for each in list_at(self.spec, "metrics"))

    def note_rescale(self, current: int, desired: int) -> None:
        """Tell in a condition whether this change is one to zero."""
        is_zero = current > 0 and desired == 0 and self.spec.get("minReplicas", 1) == 0 and self.sees_other_objects
        if is_zero:
            self.set(_SCALED_TO_ZERO, "True", "ScaledToZero", "the HPA controller scaled the workload to zero")
        else:
            text = "the HPA controller did not scale the workload to zero"
            self.set(_SCALED_TO_ZERO, "False", "NotScaledToZero", text)

    def status(self, current: int, desired: int, *, is_scaled: bool) -> UpdateStatus:
        """Return the write of the status."""
        before = status_of(self.obj)
        scaled_at = format_time(self.now) if is_scaled else before.get("lastScaleTime")
        status: JSON = {
            "currentReplicas": current,
            "desiredReplicas": desired,
            "conditions": self.conditions,
            "observedGeneration": self.obj["metadata"].get("generation") or 0,
            "currentMetrics": self.metrics or None,
            **({"lastScaleTime": scaled_at} if scaled_at else {}),
        }
        return UpdateStatus(HORIZONTALPODAUTOSCALERS, {**self.obj, "status": status})

"""What a Job says of itself: how many pods it wants, when it ends, and how far it has come (batch/v1)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON, parse_time
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.parts import Reading, list_at, map_at, number_at, spec_of, status_of

JOB_CONTROLLER = "kubernetes.io/job-controller"
"""The value of managedBy that names this cluster's own controller."""
TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking"
"""What a Job's pods have until they are counted."""
COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
"""The label and annotation with the index of an Indexed Job's pod."""


class Job(Reading):
    """A Job, read when it is asked for."""

    __slots__ = ()

    @property
    def parallelism(self) -> int:
        """How many pods run at the same time at most."""
        return number_at(spec_of(self.obj), "parallelism", 1)

    @property
    def completions(self) -> int | None:
        """How many pods have to succeed; None if one success ends the Job."""
        number: int | None = spec_of(self.obj).get("completions")
        return number

    @property
    def is_indexed(self) -> bool:
        """Whether each completion has a number."""
        return bool(spec_of(self.obj).get("completionMode") == "Indexed")

    @property
    def is_suspended(self) -> bool:
        """Whether it wants no pods for now."""
        return bool(spec_of(self.obj).get("suspend"))

    @property
    def backoff_limit(self) -> int:
        """How many failed pods it bears."""
        return number_at(spec_of(self.obj), "backoffLimit", 6)

    @property
    def backoff_limit_per_index(self) -> int | None:
        """How many failed pods it bears for each index; None if only all of them are counted."""
        number: int | None = spec_of(self.obj).get("backoffLimitPerIndex")
        return number

    @property
    def replaces_only_failed(self) -> bool:
        """Whether a pod is replaced only once it has ended, not when its deletion begins."""
        return bool(spec_of(self.obj).get("podReplacementPolicy") == "Failed")

    @property
    def failure_rules(self) -> Sequence[JSON]:
        """The rules of its podFailurePolicy."""
        return list_at(self.obj, "spec", "podFailurePolicy", "rules")

    @property
    def is_external(self) -> bool:
        """Whether another controller than this cluster's own has it (managedBy)."""
        return spec_of(self.obj).get("managedBy") not in (None, JOB_CONTROLLER)

    @property
    def template(self) -> JSON:
        """The template of its pods: metadata and spec."""
        return map_at(self.obj, "spec", "template")

    @property
    def active_deadline_seconds(self) -> int | None:
        """How long it may be active; None for ever."""
        seconds: int | None = spec_of(self.obj).get("activeDeadlineSeconds")
        return seconds

    @property
    def is_complete(self) -> bool:
        """Whether it has succeeded."""
        return is_condition_true(self.obj, "Complete")

    @property
    def is_finished(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.is_complete or is_condition_true(self.obj, "Failed")

    @property
    def end(self) -> str:
        """Complete or Failed, "" before."""
        if self.is_complete:
            return "Complete"
        return "Failed" if is_condition_true(self.obj, "Failed") else ""

    @property
    def finished_at(self) -> float | None:
        """When it ended, in seconds since the epoch."""
        condition = find_condition(self.obj, self.end) if self.end else None
        changed = condition.get("lastTransitionTime") if condition else None
        return parse_time(changed) if changed else None

    @property
    def started_at(self) -> float | None:
        """When it began, or was resumed, in seconds since the epoch."""
        return self._time("startTime")

    @property
    def completed_at(self) -> float | None:
        """When it succeeded, in seconds since the epoch."""
        return self._time("completionTime")

    @property
    def active(self) -> int:
        """How many of its pods are pending or running."""
        return status_of(self.obj).get("active") or 0

    @property
    def succeeded(self) -> int:
        """How many of its pods have succeeded."""
        return status_of(self.obj).get("succeeded") or 0

    @property
    def failed(self) -> int:
        """How many of its pods have failed."""
        return status_of(self.obj).get("failed") or 0

    def _time(self, field: str) -> float | None:
        text = status_of(self.obj).get(field)
        return parse_time(text) if text else None


read_job = Job
"""Returns the reading of a Job."""

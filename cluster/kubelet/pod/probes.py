"""When a probe is due and what its results mean: thresholds, as a pure state machine. Times are monotonic seconds.

Follows k8s.io/kubernetes ``pkg/kubelet/prober/worker.go``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from kubelet.pod.spec import ContainerSpec, Probe

READINESS_TRIGGER = 1.0
"""An unready container's readiness is probed once more after this, not only each period: the kubelet does so whenever
it synchronises the pod, which follows a container's start by about a second."""


class Kind(Enum):
    """What a probe decides."""

    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"

    @property
    def title(self) -> str:
        """As events write it: ``Readiness``."""
        return self.value.capitalize()


class Verdict(Enum):
    """What a probe has come to say."""

    PASSED = "passed"
    FAILED = "failed"


class ProbeOutcome(NamedTuple):
    """One try: whether it went well, and what it said."""

    is_success: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProbeState:
    """One probe of one running container. ``verdict`` None: nothing has been decided yet."""

    kind: Kind
    probe: Probe
    due_at: float
    started_at: float
    run: int = 0
    is_run_of_success: bool = False
    verdict: Verdict | None = None


def begin_probe(kind: Kind, probe: Probe, started_at: float, now: float) -> ProbeState:
    """Return the state of a probe of a container that started at ``started_at``."""
    return ProbeState(kind, probe, max(now, started_at + probe.initial_delay), started_at)


def observe(state: ProbeState, outcome: ProbeOutcome, now: float) -> tuple[ProbeState, Verdict | None]:
    """Return the state after one try that ended ``now``, and the verdict if it is a new one.

    A liveness or startup failure is said once; the container is then killed and its probes begin anew.
    """
    run = state.run + 1 if outcome.is_success == state.is_run_of_success else 1
    threshold = state.probe.success_threshold if outcome.is_success else state.probe.failure_threshold
    state = replace(state, run=run, is_run_of_success=outcome.is_success, due_at=_next_due(state, now))
    if run < threshold:
        return state, None
    verdict = Verdict.PASSED if outcome.is_success else Verdict.FAILED
    if verdict is state.verdict:
        return state, None
    return replace(state, verdict=verdict), verdict


def _next_due(state: ProbeState, now: float) -> float:
    trigger = state.started_at + max(state.probe.initial_delay, 0) + READINESS_TRIGGER
    if state.kind is Kind.READINESS and state.verdict is None and now < trigger:
        return min(trigger, now + state.probe.period)
    # a ticker: a slow probe does not shift the following ones
    missed = max(0, int((now - state.due_at) // state.probe.period))
    return state.due_at + (missed + 1) * state.probe.period


def probes_of(container: ContainerSpec) -> dict[Kind, Probe]:
    """Return the probes that a container asks for."""
    found = {Kind.STARTUP: container.startup, Kind.LIVENESS: container.liveness, Kind.READINESS: container.readiness}
    return {kind: probe for kind, probe in found.items() if probe is not None}

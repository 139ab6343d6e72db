"""When a probe is due and what its results mean: thresholds, as a pure state machine. Times are monotonic seconds.

Follows k8s.io/kubernetes ``pkg/kubelet/prober/worker.go``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from kubelet.pod.spec import ContainerSpec, Probe

READINESS_TRIGGER = 1.0
"""Seconds after which an unready container's readiness is probed once more, apart from its period: the kubelet does so
whenever it synchronises the pod, about a second after a container's start."""


class ProbeKind(Enum):
    """The three probes of a container."""

    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"

    @property
    def title(self) -> str:
        """The word as events write it: ``Readiness``."""
        return self.value.capitalize()


class Verdict(Enum):
    """What a probe decides once a threshold is reached."""

    PASSED = "passed"
    FAILED = "failed"


class ProbeOutcome(NamedTuple):
    """The result of one attempt; ``message`` says why it failed."""

    is_success: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProbeState:
    """One probe of one running container.

    ``run`` counts the latest equal outcomes, which are successes if ``is_run_of_success``. ``verdict`` None: no
    threshold has been reached yet.
    """

    kind: ProbeKind
    probe: Probe
    due_at: float
    started_at: float
    run: int = 0
    is_run_of_success: bool = False
    verdict: Verdict | None = None


def begin_probe(kind: ProbeKind, probe: Probe, started_at: float, now: float) -> ProbeState:
    """Return the state of a probe of a container that started at ``started_at``."""
    return ProbeState(kind, probe, max(now, started_at + probe.initial_delay), started_at)


def observe(state: ProbeState, outcome: ProbeOutcome, now: float) -> tuple[ProbeState, Verdict | None]:
    """Return the state after an attempt that ended ``now``, and the verdict if it is a new one.

    A liveness or startup failure is returned once; the container is then killed, and its probes begin anew.
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
    if state.kind is ProbeKind.READINESS and state.verdict is None and now < trigger:
        return min(trigger, now + state.probe.period)
    # As a Go ticker: an attempt that takes long does not shift the following ones.
    missed = max(0, int((now - state.due_at) // state.probe.period))
    return state.due_at + (missed + 1) * state.probe.period


def probes_of(container: ContainerSpec) -> dict[ProbeKind, Probe]:
    """Return the probes that a container has."""
    found = {
        ProbeKind.STARTUP: container.startup,
        ProbeKind.LIVENESS: container.liveness,
        ProbeKind.READINESS: container.readiness,
    }
    return {kind: probe for kind, probe in found.items() if probe is not None}

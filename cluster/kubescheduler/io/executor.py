"""Makes room for a pod: the pods that have to leave are deleted, with their grace, and told why.

Follows k8s.io/kubernetes ``pkg/scheduler/framework/preemption/executor.go``.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.events import EventRecorder
from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.disruption import with_disruption
from kubeapi.objects.parts import status_of
from kubeapi.registry import DeleteOptions, Registry
from kubeapi.scheme import PODS
from kubeapi.status import NotFound
from kubescheduler.preemption import PREEMPTED, Preemption


class Executor:
    """Writes what the scheduler has decided; ``clock`` gives seconds since the epoch."""

    def __init__(self, registry: Registry, events: EventRecorder, clock: Callable[[], float]) -> None:
        self._registry = registry
        self._events = events
        self._clock = clock

    def preempt(self, preemption: Preemption, pod: JSON) -> None:
        """Delete the pods that leave a node for another; StatusError. Those that leave already are left alone."""
        scheduler = pod["spec"].get("schedulerName", "")
        why = f"{scheduler}: preempting to accommodate a higher priority pod"
        for each in preemption.victims:
            victim = self._registry.store.find(PODS, key_of(each))
            if victim is None or is_terminating(victim):
                continue
            ending = with_disruption(victim, PREEMPTED, why, self._clock())
            try:
                self._registry.update_status(PODS, ending)
                self._registry.delete(PODS, *key_of(each), DeleteOptions(None, uid=each["metadata"].get("uid", "")))
            except NotFound:
                continue
            text = f"Preempted by pod {pod['metadata'].get('uid', '')} on node {preemption.node}"
            self._events.event(victim, "Normal", "Preempted", text)

    def withdraw(self, pod: JSON) -> ObjectKey:
        """Let a pod wait for room on a node no more, as a more important one does; return its key. StatusError."""
        status = {name: value for name, value in status_of(pod).items() if name != "nominatedNodeName"}
        self._registry.update_status(PODS, {**pod, "status": status})
        return key_of(pod)

"""The events that the components record, each as its own source."""

from __future__ import annotations

import time

from kubeapi.events import EventRecorder
from kubeapi.failures import Subject
from kubeapi.kinds import kind_of
from kubeapi.meta import ObjectKey
from kubeapi.registry import Registry
from kubeproxy import NAME as PROXY
from kubeproxy.types import subject_of


class EventRecorders:
    """The event recorder of each component, made for its first event."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._by_component: dict[str, EventRecorder] = {}

    def of(self, component: str) -> EventRecorder:
        """Return the recorder of events that have ``component`` as their source."""
        if component not in self._by_component:
            self._by_component[component] = EventRecorder(self._registry, component, clock=time.time)
        return self._by_component[component]

    def record_on_service(self, service: ObjectKey, event_type: str, reason: str, message: str) -> None:
        """Record an event of the proxy about a Service, or a pod whose own address it serves, if that still exists."""
        found = self._registry.store.find(*subject_of(service))
        if found is not None:
            self.of(PROXY).event(found, event_type, reason, message)

    def record_failure(self, component: str, subject: Subject, reason: str, message: str) -> None:
        """Record an internal failure as a Warning event on its object; failures about events are not recorded."""
        found = self._registry.store.find(*subject)
        if found is not None and not kind_of(subject.resource).is_record:
            # "kube-proxy (rules)": the part in brackets says which work failed and is no component's name.
            self.of(component.partition(" ")[0]).event(found, "Warning", reason, message)

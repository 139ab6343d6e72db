"""Events: what happened to an object, for people who ask why (core/v1 Event).

The same event again only raises the count of the one that is there, as client-go's ``record`` does.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.meta import JSON, format_time
from kubeapi.registry import Registry
from kubeapi.scheme import EVENTS


class EventRecorder:
    """Records events as one component (``kubelet``, ``kube-proxy`` ...), on one host ("" for none)."""

    def __init__(self, registry: Registry, component: str, *, clock: Callable[[], float], host: str = "") -> None:
        self._registry = registry
        self._component = component
        self._clock = clock
        self._host = host

    def event(self, about: JSON, event_type: str, reason: str, message: str) -> None:
        """Record that ``reason`` (CamelCase) happened to ``about``; ``event_type`` is Normal or Warning."""
        metadata = about["metadata"]
        now = format_time(self._clock())
        self._registry.create(
            EVENTS,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "generateName": f"{metadata['name']}.",
                    "namespace": metadata.get("namespace") or "default",
                },
                "involvedObject": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": metadata["name"],
                    "namespace": metadata.get("namespace", ""),
                    "uid": metadata.get("uid", ""),
                },
                "type": event_type,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "source": {"component": self._component, "host": self._host},
            },
        )

"""What controllers ask extension API servers: what a namespace still has, and metrics of what is outside. Pure.

``kubeaggregator`` asks the servers. That takes a moment, in which an answer is pending; a controller that asks again
gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class RemoteContents(NamedTuple):
    """What is left of a namespace's objects, after their deletion.

    ``undiscovered`` are the versions (``GROUP/VERSION``) whose server does not say what it has, ``faults`` what else
    went wrong. ``counts`` are numbers of objects by resource (``flunders.wardle.example.com``), ``finalizers`` numbers
    of objects by what they wait for. One that ``is_pending`` is being found out.
    """

    is_pending: bool = False
    undiscovered: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    counts: Mapping[str, int] = {}
    finalizers: Mapping[str, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, for certain."""
        return not (self.is_pending or self.undiscovered or self.faults or self.counts)


NOTHING = RemoteContents()


class ExternalMetric(NamedTuple):
    """A metric of external.metrics.k8s.io; ``selector`` is a label selector as text, "" for all."""

    namespace: str
    name: str
    selector: str = ""


class ExternalValues(NamedTuple):
    """The values of a metric, in thousandths, or why there are none ("" if there are)."""

    values: tuple[int, ...] = ()
    fault: str = ""


class RemoteAnswers(Protocol):
    """The extension API servers, as controllers ask them."""

    def contents(self, namespace: str) -> RemoteContents:
        """Return what the servers have of a namespace that is being deleted, which they are to delete."""
        ...

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Return the values of a metric, None while they are asked for."""
        ...


class NoServers:
    """There is no extension API server."""

    def contents(self, namespace: str) -> RemoteContents:
        """Find nothing."""
        return NOTHING

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Find nothing."""
        text = f"the server could not find the requested resource (get {metric.name}.external.metrics.k8s.io)"
        return ExternalValues(fault=text)


NO_SERVERS = NoServers()


class LateAnswers:
    """Asks ``source``, which is set once the servers are known."""

    def __init__(self) -> None:
        self.source: RemoteAnswers = NO_SERVERS

    def contents(self, namespace: str) -> RemoteContents:
        """Return what the servers have of a namespace that is being deleted."""
        return self.source.contents(namespace)

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Return the values of a metric, None while they are asked for."""
        return self.source.external(metric)

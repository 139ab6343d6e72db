"""What controllers ask extension API servers: what a namespace still has, and metrics of what is outside. Pure.

``kubeaggregator`` asks the servers. That takes a moment, in which an answer is pending; a controller that asks again
gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from kubeapi.meta import JSON, ObjectKey
from kubeapi.metrics.usage import PodUsage


class ExtensionContents(NamedTuple):
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


NOTHING = ExtensionContents()


class ExternalMetric(NamedTuple):
    """A metric of external.metrics.k8s.io; ``selector`` is a label selector as text, "" for all."""

    namespace: str
    name: str
    selector: str = ""


class ExternalValues(NamedTuple):
    """The values of a metric, in thousandths, or why there are none ("" if there are)."""

    values: tuple[int, ...] = ()
    fault: str = ""


class PodsAsked(NamedTuple):
    """The pods of a namespace, by a label selector as text, of which metrics.k8s.io is asked."""

    namespace: str
    selector: str


class ExtensionUsage(NamedTuple):
    """What pods use, or why that is not known ("" if it is)."""

    pods: Mapping[ObjectKey, PodUsage] = {}
    fault: str = ""


ALL_OBJECTS = "*"
"""In place of an object's name: all that are selected."""


class CustomAsked(NamedTuple):
    """A metric of custom.metrics.k8s.io: of one object, or of all that a selector has; selectors as text.

    ``resource`` is ``pods``, ``ingresses.networking.k8s.io`` ..., or ``metrics`` for a metric of the namespace itself,
    whose ``name`` is the metric's then.
    """

    namespace: str
    resource: str
    name: str
    metric: str
    metric_selector: str = ""
    selector: str = ""


class CustomValues(NamedTuple):
    """Names of objects and their values, in thousandths, or why there are none ("" if there are)."""

    values: tuple[tuple[str, int], ...] = ()
    fault: str = ""


class ExtensionObject(NamedTuple):
    """An object of a kind that the cluster does not have itself."""

    api_version: str
    kind: str
    key: ObjectKey


class ExtensionFound(NamedTuple):
    """An object, None if it is not there. It ``is_known`` whether it is if its server says so.

    ``is_served`` tells whether any server answers for its version.
    """

    obj: JSON | None = None
    is_known: bool = True
    is_served: bool = True


class ExtensionAnswers(Protocol):
    """The extension API servers, as controllers ask them."""

    def contents(self, namespace: str) -> ExtensionContents:
        """Return what the servers have of a namespace that is being deleted, which they are to delete."""
        ...

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Return the values of a metric, None while they are asked for."""
        ...

    def find(self, asked: ExtensionObject) -> ExtensionFound | None:
        """Return what is known of an object, None while it is asked for."""
        ...

    def serves(self, group: str) -> bool:
        """Tell whether one of them answers for a group of metrics, in place of the cluster."""
        ...

    def custom(self, asked: CustomAsked) -> CustomValues | None:
        """Return the values of a metric of custom.metrics.k8s.io, None while they are asked for."""
        ...

    def usage(self, pods: PodsAsked) -> ExtensionUsage | None:
        """Return what that one says of pods, None while it is asked."""
        ...


UNSERVED = ExtensionFound(is_known=False, is_served=False)


class NoServers:
    """There is no extension API server."""

    def contents(self, namespace: str) -> ExtensionContents:
        """Find nothing."""
        return NOTHING

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Find nothing."""
        text = f"the server could not find the requested resource (get {metric.name}.external.metrics.k8s.io)"
        return ExternalValues(fault=text)

    def find(self, asked: ExtensionObject) -> ExtensionFound | None:
        """Find nothing."""
        return UNSERVED

    def serves(self, group: str) -> bool:
        """Find none."""
        return False

    def custom(self, asked: CustomAsked) -> CustomValues | None:
        """Find nothing."""
        return CustomValues(fault="no custom metrics API (custom.metrics.k8s.io) registered")

    def usage(self, pods: PodsAsked) -> ExtensionUsage | None:
        """Find nothing."""
        return ExtensionUsage(fault="the server could not find the requested resource (get pods.metrics.k8s.io)")


NO_SERVERS = NoServers()


class LateAnswers:
    """Asks ``source``, which is set once the servers are known."""

    def __init__(self) -> None:
        self.source: ExtensionAnswers = NO_SERVERS

    def contents(self, namespace: str) -> ExtensionContents:
        """Return what the servers have of a namespace that is being deleted."""
        return self.source.contents(namespace)

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Return the values of a metric, None while they are asked for."""
        return self.source.external(metric)

    def find(self, asked: ExtensionObject) -> ExtensionFound | None:
        """Return what is known of an object, None while it is asked for."""
        return self.source.find(asked)

    def serves(self, group: str) -> bool:
        """Tell whether one of them answers for a group of metrics, in place of the cluster."""
        return self.source.serves(group)

    def custom(self, asked: CustomAsked) -> CustomValues | None:
        """Return the values of a metric of custom.metrics.k8s.io, None while they are asked for."""
        return self.source.custom(asked)

    def usage(self, pods: PodsAsked) -> ExtensionUsage | None:
        """Return what that one says of pods, None while it is asked."""
        return self.source.usage(pods)

"""Lists and watches: what a component sees of the cluster, whether a Store in this process or an API server.

kube-proxy and the name server know nothing else of their source. A resourceVersion is opaque here, as for every client
of Kubernetes: it is handed back to the source, never compared or counted (client-go ``tools/cache/listwatch.go``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import Resource


class EventType(StrEnum):
    """The kind of change in a WatchEvent, as the watch protocol writes it."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class WatchEvent(NamedTuple):
    """One change. ``object`` is the state after it (before it, for DELETED, with the deletion's resourceVersion).

    ``previous`` is the state before it, None for ADDED and where the source does not know it: a watch with a selector
    needs it to see which objects no longer match.
    """

    type: EventType
    object: JSON
    previous: JSON | None = None

    @property
    def resource_version(self) -> str:
        """The version of the change, from which a watch may go on."""
        version: str = self.object["metadata"]["resourceVersion"]
        return version


class ObjectList(NamedTuple):
    """A consistent snapshot: the objects, and the version to watch from."""

    items: Sequence[JSON]
    resource_version: str


class ListPage(NamedTuple):
    """A part of a list. With one that ``is_first`` the list begins: what came before it does not count."""

    items: Sequence[JSON]
    resource_version: str
    is_first: bool


class Delta(NamedTuple):
    """One object's change: ``old`` is None when it is new, ``new`` is None when it is gone."""

    key: ObjectKey
    old: JSON | None
    new: JSON | None


class ListerWatcher(Protocol):
    """Lists the objects of a resource and watches them, as client-go's ListerWatcher does."""

    async def list(self, resource: Resource) -> ObjectList:
        """Return all objects of the resource."""
        ...

    def watch(self, resource: Resource, resource_version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield what happens after ``resource_version``, as many events at a time as there are.

        Raises StatusError 410 when it cannot reach back so far.
        """
        ...


@runtime_checkable
class PagedListerWatcher(ListerWatcher, Protocol):
    """A ListerWatcher of which a large list may be read while the rest of it is made."""

    def pages(self, resource: Resource) -> AsyncGenerator[ListPage, None]:
        """Yield all objects of the resource, part by part."""
        ...

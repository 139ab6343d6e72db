"""An API server as the ListerWatcher of informers: what was known stays known while the server is away."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from random import Random

from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.watching import ListPage, ObjectList, WatchEvent
from kubeclient.io.client import APIClient
from kubeclient.listwatch.freshness import Freshness
from kubeclient.listwatch.io.contact import Contact
from kubeclient.listwatch.io.follower import Follower
from kubeclient.listwatch.io.reading import Source
from kubeclient.listwatch.selection import EVERYTHING, Selection
from kubeclient.listwatch.slim import Sharing, slimmed

NOTHING: Mapping[Resource, Selection] = {}


class APIListerWatcher:
    """The ListerWatcher of an API server: ``list`` goes on until it succeeds, ``watch`` raises StatusError 410 alone.

    ``selections`` are by resource, as is ``slim``, which returns what is to be kept of an object, its name and
    resourceVersion at least, and may change it; without one that is all but what nobody reads (``listwatch.slim``).
    ``clock`` is in seconds.

    Two may be set before the first list. ``keeps`` is whether objects are kept: where none is, to slim them and to find
    equal parts that they can share takes time for nothing. ``streams`` is whether lists are asked for as watches that
    begin with all objects (WatchList), where the server has them: that takes the least memory, but a list of 10,000
    objects in pages comes from kube-apiserver in a tenth of the time.
    """

    def __init__(
        self,
        client: APIClient,
        *,
        selections: Mapping[Resource, Selection] = NOTHING,
        slim: Mapping[Resource, Callable[[JSON], JSON]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
    ) -> None:
        self._client = client
        self._selections = selections
        self._slim = slim if slim is not None else {}
        self.streams = True
        self.keeps = True
        self._clock = clock
        self._rng = rng if rng is not None else Random()
        self._sharing = Sharing()
        self._contact = Contact()
        self._followers: dict[Resource, Follower] = {}

    def freshness(self) -> Mapping[Resource, Freshness]:
        """Return of every resource that is followed how old the knowledge is, and why."""
        return {resource: each.freshness for resource, each in self._followers.items()}

    async def list(self, resource: Resource) -> ObjectList:
        """Return all objects that are selected."""
        return await self._follower(resource).list()

    def pages(self, resource: Resource) -> AsyncGenerator[ListPage, None]:
        """Yield all objects that are selected, page by page."""
        return self._follower(resource).pages()

    def watch(self, resource: Resource, resource_version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield what happens after a version, as many events as have come at a time."""
        return self._follower(resource).watch(resource_version)

    def _follower(self, resource: Resource) -> Follower:
        """Return what follows a resource. One informer may follow it: the watch goes on from that one's list."""
        found = self._followers.get(resource)
        if found is None:
            selection, slim = self._selections.get(resource, EVERYTHING), _whole
            if self.keeps:
                slim = partial(_shared, self._slim.get(resource, slimmed), self._sharing)
            source = Source(self._client, resource, selection, slim, self._clock, self._rng, self._contact)
            found = self._followers[resource] = Follower(source, streams=self.streams)
        return found


def _whole(obj: JSON) -> JSON:
    return obj


def _shared(slim: Callable[[JSON], JSON], sharing: Sharing, obj: JSON) -> JSON:
    return sharing.share(slim(obj))

"""The extension API servers of a cluster: requests go to them, and each is watched over while its APIService is there.

Nothing of that is imported before the first APIService with a Service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aiohttp import web

from kubeapi.io.client import Client
from kubeapi.meta import ObjectKey, key_of
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.endpointslice import service_of_slice
from kubeapi.remoteanswers import (
    NO_SERVERS,
    NOTHING,
    UNSERVED,
    ExternalMetric,
    ExternalValues,
    PodsAsked,
    RemoteContents,
    RemoteFound,
    RemoteObject,
    RemoteUsage,
)
from kubeapi.remoteapis import RemoteAPIs
from kubeapi.scheme import APISERVICES, ENDPOINTSLICES, SERVICES
from kubeapi.watching import WatchEvent
from kubeapiserver.messages import Delegated
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.requests.paths import normalized
from kubeapiserver.streaming.runtime import Runtime

EXTERNAL_METRICS = "external.metrics.k8s.io", "v1beta1"
METRICS = "metrics.k8s.io", "v1beta1"
"""Group and version of the APIs that autoscalers ask."""
FRESH_SECONDS, OWNER_SECONDS = 12.0, 4.0
"""How long an answer is that of one look: of a metric, and of an owner. That is less than until the next look."""

if TYPE_CHECKING:
    from kubeaggregator.io.follower import Follower
    from kubeaggregator.io.server import ExtensionServer


T = TypeVar("T")


class _Asked(NamedTuple):
    """What was asked for; the answer is good until a time of the event loop."""

    until: float
    task: asyncio.Task[Any]


class Extensions:
    """``run`` until it is cancelled. ``certificate`` makes the file with which servers are asked; OSError."""

    def __init__(self, remotes: RemoteAPIs, client: Client, runtime: Runtime, certificate: Callable[[], Path]) -> None:
        self.remotes = remotes
        self._client = client
        self.store = client.registry.store
        self._runtime = runtime
        self._certificate = certificate
        self._proxying = Proxying(self.store, client.registry.rng)
        self._has_changed = asyncio.Event()
        self._servers: dict[str, ExtensionServer] = {}
        self._sweeps: dict[str, asyncio.Task[RemoteContents]] = {}
        self._asked: dict[Hashable, _Asked] = {}
        self._followers: dict[str, tuple[Follower, asyncio.Task[None]]] = {}

    def answers(self, path: str) -> bool:
        """Tell whether an extension API server answers for a path."""
        return self.remotes.of_path(normalized(path)) is not None

    async def serve(self, received: web.BaseRequest, delegated: Delegated) -> web.StreamResponse:
        """Forward one request and return its answer; OSError if the certificate for that cannot be kept."""
        from kubeaggregator.io.forwarding import forward

        return await forward(received, delegated, self.server_of(delegated.api))

    def contents(self, namespace: str) -> RemoteContents:
        """Return what the servers have of a namespace that is being deleted; they begin to delete it if asked first."""
        apis = self.remotes.all()
        if not apis:
            return NOTHING
        task = self._sweeps.get(namespace)
        if task is None:
            from kubeaggregator.io.sweeping import sweep

            found = sweep(namespace, self.remotes, self.server_of)
            self._sweeps[namespace] = asyncio.get_running_loop().create_task(found, name=f"emptying {namespace}")
            return RemoteContents(is_pending=True)
        if not task.done():
            return RemoteContents(is_pending=True)
        del self._sweeps[namespace]
        stale = tuple(f"{each.group}/{each.version}" for each in apis if not self.remotes.offer(each).is_current)
        return task.result()._replace(undiscovered=stale)

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Return the values of a metric, None while they are asked for."""
        api = self.remotes.find(*EXTERNAL_METRICS)
        if api is None:
            return NO_SERVERS.external(metric)
        from kubeaggregator.io.metrics import external_values

        return self._fresh(metric, FRESH_SECONDS, lambda: external_values(metric, api, self.server_of(api)))

    def measures_pods(self) -> bool:
        """Tell whether one of the servers answers for metrics.k8s.io."""
        return self.remotes.find(*METRICS) is not None

    def usage(self, pods: PodsAsked) -> RemoteUsage | None:
        """Return what that one says of pods, None while it is asked."""
        api = self.remotes.find(*METRICS)
        if api is None:
            return NO_SERVERS.usage(pods)
        from kubeaggregator.io.metrics import pod_usage

        return self._fresh(pods, FRESH_SECONDS, lambda: pod_usage(pods, api, self.server_of(api)))

    def find(self, asked: RemoteObject) -> RemoteFound | None:
        """Return what is known of an object, None while it is asked for."""
        group, _, version = asked.api_version.rpartition("/")
        if self.remotes.find(group, version) is None:
            return UNSERVED
        from kubeaggregator.io.owners import look_for

        return self._fresh(asked, OWNER_SECONDS, lambda: look_for(asked, self))

    def _fresh(self, asked: Hashable, seconds: float, fetch: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return the answer of so many seconds ago, None while it is fetched."""
        now = asyncio.get_running_loop().time()
        self._asked = {each: last for each, last in self._asked.items() if now < last.until or not last.task.done()}
        if asked not in self._asked:
            self._asked[asked] = _Asked(now + seconds, asyncio.create_task(fetch(), name=f"{asked}"))
        task: asyncio.Task[T] = self._asked[asked].task
        return task.result() if task.done() else None

    async def run(self) -> None:
        """Watch over the servers."""
        stop = self.store.watch(APISERVICES, self.store.resource_version, self._note)
        self._has_changed.set()
        try:
            while True:
                await self._has_changed.wait()
                self._has_changed.clear()
                if self.remotes.all():
                    await self._follow()
        finally:
            stop()
            asked = (*self._sweeps.values(), *(each.task for each in self._asked.values()))
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            await self._close(list(self._servers))

    async def _follow(self) -> None:
        """Watch over the servers until there is none any more."""
        async with asyncio.TaskGroup() as tasks:
            with self._noting_endpoints():
                while await self._update(tasks):
                    await self._has_changed.wait()
                    self._has_changed.clear()

    async def _update(self, tasks: asyncio.TaskGroup) -> bool:
        """Begin to follow new APIServices and stop with those that are gone; returns whether there are any."""
        from kubeaggregator.io.follower import Follower

        names = {each.name for each in self.remotes.all()}
        for name in set(self._followers) - names:
            _, task = self._followers.pop(name)
            task.cancel()
        await self._close(set(self._servers) - names)
        for name in names - set(self._followers):
            follower = Follower(name, self.remotes, self._client, self.server_of)
            self._followers[name] = follower, tasks.create_task(follower.run(), name=f"APIService {name}")
        return bool(names)

    async def _close(self, names: set[str] | list[str]) -> None:
        for name in names:
            self.remotes.offers.pop(name, None)
            await self._servers.pop(name).close()

    def server_of(self, api: APIService) -> ExtensionServer:
        """Return the connections of an APIService, new ones if its server is another one."""
        from kubeaggregator.io.server import ExtensionServer, Surroundings

        found = self._servers.get(api.name)
        if found is None or not found.is_for(api):
            if found is not None:
                asyncio.get_running_loop().create_task(found.close(), name=f"closing {api.name}")
            surroundings = Surroundings(self.store, self._proxying, self._runtime, self._certificate())
            found = self._servers[api.name] = ExtensionServer(api, surroundings)
        return found

    def _note(self, event: WatchEvent) -> None:
        if event.object["spec"].get("service") is None and key_of(event.object).name not in self._followers:
            return
        self._has_changed.set()
        followed = self._followers.get(key_of(event.object).name)
        if followed is not None:
            is_changed = event.previous is None or event.previous["spec"] != event.object["spec"]
            (followed[0].note_change if is_changed else followed[0].note_status)()

    @contextmanager
    def _noting_endpoints(self) -> Iterator[None]:
        version = self.store.resource_version
        stop_services = self.store.watch(SERVICES, version, lambda event: self._note_endpoints(key_of(event.object)))
        stop_slices = self.store.watch(
            ENDPOINTSLICES, version, lambda event: self._note_endpoints(service_of_slice(event.object))
        )
        try:
            yield
        finally:
            stop_services()
            stop_slices()

    def _note_endpoints(self, service: ObjectKey | None) -> None:
        for follower, _ in self._followers.values():
            if service is not None:
                follower.note_endpoints(service)

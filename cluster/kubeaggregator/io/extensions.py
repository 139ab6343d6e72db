"""The extension API servers of a cluster: requests go to them, and each is watched over while its APIService is there.

Nothing of that is imported before the first APIService with a Service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from kubeaggregator.io.answers import Answers
from kubeapi.extensions.apis import ExtensionAPIs
from kubeapi.io.client import Client
from kubeapi.meta import ObjectKey, key_of
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.endpointslice import service_of_slice
from kubeapi.scheme import APISERVICES, ENDPOINTSLICES, SERVICES
from kubeapi.watching import WatchEvent
from kubeapiserver.messages import Delegated
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.requests.paths import normalized
from kubeapiserver.streaming.runtime import Runtime

if TYPE_CHECKING:
    from kubeaggregator.io.follower import Follower
    from kubeaggregator.io.server import ExtensionServer


class Extensions:
    """``run`` until it is cancelled. ``certificate`` makes the file with which servers are asked; OSError."""

    def __init__(self, apis: ExtensionAPIs, client: Client, runtime: Runtime, certificate: Callable[[], Path]) -> None:
        self.apis = apis
        self._client = client
        self.store = client.registry.store
        self._runtime = runtime
        self._certificate = certificate
        self._proxying = Proxying(self.store, client.registry.rng)
        self._has_changed = asyncio.Event()
        self._servers: dict[str, ExtensionServer] = {}
        self.told = Answers(self)
        """What controllers ask."""
        self._followers: dict[str, tuple[Follower, asyncio.Task[None]]] = {}

    def answers(self, path: str) -> bool:
        """Tell whether an extension API server answers for a path."""
        return self.apis.of_path(normalized(path)) is not None

    async def serve(self, received: web.BaseRequest, delegated: Delegated) -> web.StreamResponse:
        """Forward one request and return its answer; OSError if the certificate for that cannot be kept."""
        from kubeaggregator.io.forwarding import forward

        return await forward(received, delegated, self.server_of(delegated.api))

    async def run(self) -> None:
        """Watch over the servers."""
        stop = self.store.watch(APISERVICES, self.store.resource_version, self._note)
        self._has_changed.set()
        try:
            while True:
                await self._has_changed.wait()
                self._has_changed.clear()
                if self.apis.all():
                    await self._follow()
        finally:
            stop()
            await self.told.close()
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

        names = {each.name for each in self.apis.all()}
        for name in set(self._followers) - names:
            _, task = self._followers.pop(name)
            task.cancel()
        await self._close(set(self._servers) - names)
        for name in names - set(self._followers):
            follower = Follower(name, self.apis, self._client, self.server_of)
            self._followers[name] = follower, tasks.create_task(follower.run(), name=f"APIService {name}")
        return bool(names)

    async def _close(self, names: set[str] | list[str]) -> None:
        for name in names:
            self.apis.offers.pop(name, None)
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

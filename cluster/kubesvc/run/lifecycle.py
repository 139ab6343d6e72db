"""Starts, serves and stops a cluster, in order.

Start: 1 the DNS addresses (nothing else starts if they are taken), 2 kubelet, controllers, scheduler, proxy and DNS,
3 outside servers, 4 control socket, 5 the API server. Stop: the API server closes, connections drain, then pods end,
then the tasks, and the control socket last, so that `kubesvc status` answers as long as there is something to see.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from kubesvc.run.cluster import Cluster
from kubesvc.run.oserrors import oserror_text
from kubesvc.run.starterror import StartError

if TYPE_CHECKING:
    from kubelet.process.runner import ProcessRunner
    from kubesvc.run.api.server import ClusterAPI
    from kubesvc.run.start import Start

DRAIN_SECONDS = 5.0
"""How long established connections may go on when the cluster stops; then they are reset."""
POD_GRACE_SECONDS = 10.0
"""Longest grace period of pods when the whole cluster stops."""


class Run:
    """One run of a cluster. ``runner`` starts its processes; the caller closes it afterwards."""

    def __init__(self, start: Start, runner: ProcessRunner) -> None:
        self.cluster = Cluster(start, runner)
        self._start = start
        self._components = self.cluster.components

    async def serve(self, stop: asyncio.Event) -> None:
        """Start, serve until ``stop`` is set, drain and stop. StartError, alone or in a group, when it cannot start."""
        cluster = self.cluster
        with cluster.health.following():
            try:
                await self._prepare()
                async with asyncio.TaskGroup() as group:
                    tasks = self._add_host_routes(group) if self._start.has_host_routes else []
                    tasks += await self._components.start(group)
                    async with self._control_socket(stop):
                        async with self._api_server() as api:
                            tasks += self._serve_api(group, api)
                            await self._components.proxy.wait_until_programmed()
                            cluster.started.set()
                            await stop.wait()
                            cluster.is_stopping = True
                        await self._components.proxy.drain(DRAIN_SECONDS)
                        await self._components.kubelet.shutdown(POD_GRACE_SECONDS)
                    for task in tasks:
                        task.cancel()
            finally:
                await self._components.close()

    async def _prepare(self) -> None:
        """Have the API server's certificate before a controller hands it out, and DNS its address; StartError.

        OSError for a disk that takes no more.
        """
        if self._start.certificate_maker is not None:
            self._start.certificate_maker.wait()
        try:
            _ = self._components.identity.certificate
        except IsADirectoryError as error:
            raise _not_served(error) from error
        await self._components.bind_dns()

    def _serve_api(self, group: asyncio.TaskGroup, api: ClusterAPI) -> list[asyncio.Task[None]]:
        return [
            group.create_task(api.keep(), name="API server"),
            *(
                group.create_task(api.serve_inside(each, self._components.network_event()))
                for each in self._components.network.places[1:]
            ),
            group.create_task(self._apply_postponed(), name="postponed documents"),
        ]

    async def _apply_postponed(self) -> None:
        cluster = self.cluster
        with cluster.store.failures.guard("kubesvc", "applying what waited for webhooks or API servers"):
            await cluster.postponed.apply(cluster.health.wait_until_ready)

    def _add_host_routes(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        # Imported here, because few clusters have them.
        from kubesvc.run.machine.hostroutes import HostRoutes, HostRoutesError

        parts, cluster = self._components, self.cluster
        routes = HostRoutes(cluster.configuration, cluster.state.name, lambda: parts.agent_pid)
        [place] = parts.network.places[1:]
        try:
            routes.add(place)
        except HostRoutesError as error:
            raise StartError(str(error)) from error
        return [group.create_task(routes.keep(place, parts.network_event()), name="host routes")]

    def note_stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Record the exception of a callback or of a task that is not awaited: the event loop's exception handler."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self.cluster.store.failures.note("kubesvc", _origin(context), error)
        else:
            loop.default_exception_handler(context)

    @contextlib.asynccontextmanager
    async def _control_socket(self, stop: asyncio.Event) -> AsyncIterator[None]:
        # Imported here, because aiohttp is slow to import and the pods are starting meanwhile.
        from kubesvc.run.control.server import ControlServer

        state = self._start.state
        server = ControlServer(self.cluster, stop.set)
        try:
            await server.start(state.bind_socket())
        except OSError as error:
            message = f"cannot listen on {state.control_socket}: {error.strerror or error}"
            raise StartError(message) from error
        try:
            yield
        finally:
            await server.close()
            state.control_socket.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _api_server(self) -> AsyncIterator[ClusterAPI]:
        # Slow to import too; the API server is needed last.
        from kubesvc.run.api.kubeconfig import MergeError
        from kubesvc.run.api.server import ClusterAPI

        cluster = self.cluster
        api = ClusterAPI(cluster, self._start.user_kubeconfig)
        try:
            try:
                api.bind()
                cluster.api_address = api.address
                self._keep()
                await api.serve(self._components.runtime, self._components.proxy.traffic, cluster.journal.flushed)
                cluster.extensions = api.extensions
            except OSError as error:
                raise _not_served(error) from error
            except MergeError as error:
                raise StartError(str(error)) from error
            yield api
        finally:
            await api.close()

    def _keep(self) -> None:
        """Write every change to disk from now on. Called once all addresses are bound: a failed start keeps nothing."""
        from kubesvc.state.saved import keep_lost

        start, cluster = self._start, self.cluster
        if start.upstream is not None:
            return  # nothing of another cluster is kept on disk
        if start.lost:
            keep_lost(start.lost, cluster.state.lost)
        cluster.journal.begin(cluster.store, start.prepared.configuration_text, start.origins)


def _not_served(error: OSError) -> StartError:
    return StartError(f"the API server cannot be served: {oserror_text(error)}")


def _origin(context: dict[str, Any]) -> str:
    """Return what raised: a task by its name, a callback by its function."""
    task, handle = context.get("task") or context.get("future"), context.get("handle")
    if isinstance(task, asyncio.Task):
        return f"task {task.get_name()}"
    return f"{context.get('message', 'a callback')}" if handle is None else f"callback {handle!r}"[:200]

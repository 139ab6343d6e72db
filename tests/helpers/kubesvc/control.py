"""A cluster that only its control socket knows, and a thread-free way to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar, cast

from kubeapi.meta import JSON, ObjectKey
from kubeapi.podoptions import PodLogOptions
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubesvc.control.client import ControlClient
from kubesvc.run.cluster import Cluster
from kubesvc.run.control.server import ControlServer
from kubesvc.state.directory import StateDirectory
from kubesvc.why.podchoice import Choice

T = TypeVar("T")


class FakeDiagnosis:
    """Remembers what it was asked, and has one answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.refusal: Exception | None = None

    async def explain(self, namespace: str, name: str) -> dict[str, Any]:
        return self._answer("explain", namespace, name)

    async def trace(self, namespace: str, source: str, destination: str, request: str) -> dict[str, Any]:
        return self._answer("trace", namespace, source, destination, request)

    async def trace_dns(self, namespace: str, name: str, qtype: str) -> dict[str, Any]:
        return self._answer("trace_dns", namespace, name, qtype)

    async def connections(self, namespace: str, name: str) -> dict[str, Any]:
        return self._answer("connections", namespace, name)

    async def follow_connections(self, namespace: str, name: str) -> AsyncGenerator[dict[str, Any], None]:
        yield self._answer("follow", namespace, name)
        yield {"missed": 2}

    def _answer(self, *question: str) -> dict[str, Any]:
        self.asked.append(question)
        if self.refusal is not None:
            raise self.refusal
        return {"asked": list(question)}


class FakeKubelet:
    """Remembers which logs were read; ``log`` of its cluster is what every pod has written."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster

    def logs(self, pod: ObjectKey, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        self._cluster.queries.append((pod, options))
        if self._cluster.refusal is not None:
            raise self._cluster.refusal
        return self._cluster.lines(follow=options.follow)


class Components(NamedTuple):
    """The part of a cluster's components that logs come from."""

    runtime: FakeKubelet


class FakeCluster:
    """Remembers what it was asked. ``log`` is what every pod has written; one that is followed then stays silent."""

    def __init__(self) -> None:
        self.store = Store()
        self.components = Components(FakeKubelet(self))
        self.diagnosis = FakeDiagnosis()
        self.scaled: list[tuple[str, str, str, int]] = []
        self.queries: list[tuple[ObjectKey, PodLogOptions]] = []
        self.refusal: Exception | None = None
        self.log = [b"one\n", b"two\n"]
        self.unsaved_objects: list[str] = []
        self.followers = 0
        self.has_followers = asyncio.Event()
        self.has_no_followers = asyncio.Event()
        self.stop = asyncio.Event()

    def status(self) -> dict[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        return {"name": "shop", "services": []}

    async def unsaved(self) -> list[str]:
        return self.unsaved_objects

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.scaled.append((kind, namespace, name, replicas))

    def choose_pod(self, namespace: str, target: str) -> Choice:
        if self.refusal is not None:
            raise self.refusal
        return Choice(f"{namespace}-{target}", 2)

    def apply_and_wait(self, objects: Sequence[JSON], timeout: float) -> AsyncGenerator[JSON, None]:
        if self.refusal is not None:
            raise self.refusal
        return self._outcome(objects, timeout)

    async def _outcome(self, objects: Sequence[JSON], timeout: float) -> AsyncGenerator[JSON, None]:
        yield {"applied": [each["kind"] for each in objects], "refused": []}
        yield {"ready": True, "timeout": timeout}

    async def lines(self, *, follow: bool) -> AsyncGenerator[bytes, None]:
        self.followers += 1
        self.has_followers.set()
        try:
            for line in self.log:
                yield line
            if follow:
                await asyncio.Event().wait()
        finally:
            self.followers -= 1
            if not self.followers:
                self.has_no_followers.set()


NOT_FOUND = StatusError(404, "NotFound", 'deployments.apps "web" not found')


@asynccontextmanager
async def served(cluster: FakeCluster, state: StateDirectory) -> AsyncIterator[ControlServer]:
    """Serve the cluster on the control socket of ``state``."""
    state.path.mkdir(parents=True, exist_ok=True)
    server = ControlServer(cast("Cluster", cluster), cluster.stop.set)
    await server.start(state.bind_socket())
    try:
        yield server
    finally:
        await server.close()


async def ask(state: StateDirectory, question: Callable[[ControlClient], T], timeout: float | None = 10.0) -> T:
    """Put a question of the synchronous client while the loop serves it."""
    return await asyncio.to_thread(question, ControlClient(state, timeout))


async def raw_request(state: StateDirectory, request: bytes) -> bytes:
    """Return all that is answered to raw bytes until the connection is closed."""
    client = state.connect_socket(None)
    reader, writer = await asyncio.open_unix_connection(sock=client)
    writer.write(request)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer

"""A cluster for kubeproxy's tests: objects in few words, endpoints on real sockets, and a proxy that runs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.direct_network import DirectNetwork
from tests.helpers.loops import settled
from tests.helpers.objects import build_endpoint, build_service, build_slice
from tests.helpers.patience import PATIENCE

from kubeapi.failures import Failures
from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import ENDPOINTSLICES, NODES, PODS, SERVICES
from kubeapi.store import Store
from kubehost.network import Network
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.plane import ListenerStatus
from kubeproxy.server.proxyserver import ProxyServer
from kubeproxy.tunnels import OpenTunnel
from kubeproxy.userspace.dataplane import DataPlane
from kubeproxy.userspace.plane import UserspacePlane
from kubeproxy.userspace.tcp.relay import Relay


def service(name: str = "web", cluster_ip: str = "127.97.0.1", port: int = 20080, **spec: Any) -> JSON:
    """A Service of the namespace default; ``created`` and ``annotations`` go to its metadata, ``status`` beside it."""
    metadata = {
        "creationTimestamp": spec.pop("created", "2026-01-01T00:00:00Z"),
        "annotations": spec.pop("annotations", {}),
        "labels": spec.pop("labels", {}),
    }
    status = {"status": spec.pop("status", {})}
    whole = {"clusterIP": cluster_ip, "ports": [{"port": port}], **spec}
    return build_service(name, "default", metadata=metadata, **whole) | status


def slice_of(
    service_name: str = "web",
    addresses: Iterable[str | JSON] = (),
    port: int = 20080,
    name: str = "",
    port_name: str = "",
    **fields: Any,
) -> JSON:
    """An EndpointSlice; each address is text or an ``endpoint``."""
    endpoints = [each if isinstance(each, dict) else build_endpoint(each) for each in addresses]
    ports = [{"name": port_name, "protocol": "TCP", "port": port}]
    whole = {"addressType": "IPv4", "ports": ports, **fields}
    return build_slice(name or f"{service_name}-abcde", service_name, endpoints, "default", **whole)


@dataclass
class Recorded:
    """One event that the proxy has recorded."""

    service: ObjectKey
    type: str
    reason: str
    message: str


@dataclass
class Cluster:
    """A Store with a proxy that follows it."""

    store: Store
    proxy: ProxyServer
    events: list[Recorded]
    now: list[float] = field(default_factory=lambda: [1000.0])

    def put(self, obj: JSON) -> None:
        """Create the object, or replace the one of its name."""
        resource = {"Service": SERVICES, "EndpointSlice": ENDPOINTSLICES, "Node": NODES, "Pod": PODS}[obj["kind"]]
        metadata = obj["metadata"]
        key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
        if self.store.find(resource, key) is None:
            self.store.create(resource, obj)
        else:
            self.store.update(resource, obj)

    def delete(self, name: str) -> None:
        """Delete a Service."""
        self.store.delete(SERVICES, "default", name)

    def remove(self, node: JSON) -> None:
        """Delete a Node."""
        self.store.delete(NODES, "", node["metadata"]["name"])

    def status(self, address: str, name: str = "web") -> ListenerStatus | None:
        """The state of one address of a Service."""
        found = [each for each in self.proxy.listeners() if each.address == address and each.port_name.name == name]
        return found[0] if found else None

    def is_bound(self, address: str, name: str = "web") -> bool:
        """Whether that address is bound."""
        status = self.status(address, name)
        return status is not None and status.is_bound

    async def until_bound(self, address: str, name: str = "web") -> None:
        """Return when that address is bound."""
        await until(lambda: self.is_bound(address, name))

    @property
    def plane(self) -> DataPlane:
        """What carries the traffic, in this process."""
        assert isinstance(self.engine.traffic, DataPlane)
        return self.engine.traffic

    @property
    def engine(self) -> UserspacePlane:
        """What binds the sockets."""
        assert isinstance(self.proxy.plane, UserspacePlane)
        return self.proxy.plane

    async def relay(self) -> Relay:
        """The relay of the only connection."""
        await until(lambda: self.plane.connections() == 1)
        (connection,) = self.plane.tcp.connections
        return connection.relay

    def descriptor(self, address: str) -> int:
        """The number of a listening socket: it stays while the socket is not touched."""
        (group,) = [each for to, each in self.engine.listeners[0]._bound.items() if to.address == address]
        return group.sockets[0].fileno()

    async def settle(self) -> None:
        """Let the proxy obey what is in the Store: a few turns of the loop are all it needs."""
        for _ in range(6):
            await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; TimeoutError if it never does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def cluster(
    *objects: JSON,
    network: Network | None = None,
    config: ProxyConfig | None = None,
    seed: int = 7,
    open_tunnel: OpenTunnel | None = None,
) -> AsyncIterator[Cluster]:
    """Run a proxy over a Store with ``objects``; its clock stands still unless a test moves it."""
    store, events, now = Store(), list[Recorded](), [1000.0]
    proxy = ProxyServer(
        StoreListerWatcher(store),
        config or ProxyConfig(healthz_address=None, metrics_address=None),
        ProxyDependencies(
            network or DirectNetwork(),
            lambda: now[0],
            random.Random(seed),
            Failures(lambda: now[0]),
            open_tunnel=open_tunnel,
        ),
        record=lambda *event: events.append(Recorded(*event)),
    )
    running = Cluster(store, proxy, events, now)
    for each in objects:
        running.put(each)
    task = asyncio.create_task(proxy.run())
    programmed = asyncio.create_task(proxy.wait_until_programmed())
    try:
        await asyncio.wait([task, programmed], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        assert programmed.done()
        yield running
    finally:
        programmed.cancel()
        task.cancel()
        await asyncio.wait([task, programmed])


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(address: str, port: int, serve: Serve) -> AsyncIterator[None]:
    """Keep an endpoint at ``address``:``port``."""
    handlers: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            with contextlib.suppress(OSError):
                await serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            handlers.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, address, port, backlog=1024)
    try:
        yield
    finally:
        server.close()
        await settled()
        for task in tuple(handlers):
            task.cancel()
        if handlers:
            await asyncio.wait(tuple(handlers))
        await server.wait_closed()
        await settled()


@contextlib.asynccontextmanager
async def naming_endpoints(*addresses: str, port: int = 20080) -> AsyncIterator[None]:
    """Endpoints that say their own address and close."""
    async with contextlib.AsyncExitStack() as stack:
        for address in addresses:
            await stack.enter_async_context(serving(address, port, _name))
        yield


async def _name(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(writer.get_extra_info("sockname")[0].encode())
    await writer.drain()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve by sending everything back."""
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()


async def say_peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve by saying the client's address."""
    writer.write(writer.get_extra_info("peername")[0].encode())
    await writer.drain()


async def ask(address: str, port: int = 20080, source: str = "") -> str:
    """Connect, read until the end, return the text."""
    async with asyncio.timeout(PATIENCE):
        local = (source, 0) if source else None
        reader, writer = await asyncio.open_connection(address, port, local_addr=local)
        try:
            return (await reader.read()).decode()
        finally:
            writer.close()
            await writer.wait_closed()


async def ask_often(count: int, address: str, port: int = 20080) -> list[str]:
    """Ask ``count`` times, one after the other."""
    return [await ask(address, port) for _ in range(count)]


async def is_refused(address: str, port: int = 20080) -> bool:
    """Whether a connection is refused at once."""
    try:
        await ask(address, port)
    except ConnectionRefusedError:
        return True
    return False


async def connect(address: str, port: int = 20080) -> socket.socket:
    """Return a connected, non-blocking client socket, its owner's to close."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except OSError:
        sock.close()
        raise
    return sock


async def receive_all(sock: socket.socket) -> bytes:
    """Read until the end; ConnectionResetError if it is a reset."""
    loop, chunks = asyncio.get_running_loop(), list[bytes]()
    async with asyncio.timeout(PATIENCE):
        while chunk := await loop.sock_recv(sock, 65536):
            chunks.append(chunk)
    return b"".join(chunks)


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    reset_on_close(sock)
    sock.close()


def reset_on_close(sock: socket.socket) -> None:
    """Have the socket's close() send RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def deaf_endpoint(address: str, port: int = 20080) -> Any:
    """An endpoint whose queue is full: it answers no SYN, so that a dial can only time out."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, port))
        time.sleep(0.01)
        yield


def open_descriptors() -> list[int]:
    """The file descriptors of this process."""
    return [int(each.name) for each in Path("/proc/self/fd").iterdir()]


def counts(answers: Sequence[str]) -> dict[str, int]:
    """How often each answer came."""
    return {each: answers.count(each) for each in sorted(set(answers))}

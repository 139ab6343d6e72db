"""A listener on a free port without TLS, over a handler and a runtime that the test writes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

import aiohttp

from kubeapi.meta import ObjectKey
from kubeapi.metrics.usage import PodUsage
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapiserver.auth.access import Access
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.messages import Answer, Request
from kubeapiserver.streaming.runtime import ContainerIO, Runtime
from kubeapiserver.wire.server import APIServerListener, Backend, Extensions, Flush
from kubehost.io.connecting import TCPSocket, connect, tcp_socket
from kubehost.io.places import HOST as HOST_PLACE

TOKEN = "t0ken"
HOST = "127.114.0.1"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class FakeCommand:
    """A process that the test drives: what it says, what it was given, how it ends."""

    def __init__(self, *output: tuple[str, bytes], code: int = 0, is_echo: bool = False) -> None:
        self.output = deque(output)
        self.given = bytearray()
        self.sizes: list[tuple[int, int]] = []
        self.has_ended_input = asyncio.Event()
        self.closed = asyncio.Event()
        self._code = code
        self._is_echo = is_echo
        self._wake = asyncio.Event()

    async def read(self) -> tuple[str, bytes] | None:
        """Return what it says; an echo goes on until the end of its input."""
        while not self.output:
            if not self._is_echo or self.has_ended_input.is_set():
                return None
            self._wake.clear()
            await self._wake.wait()
        return self.output.popleft()

    async def write(self, content: bytes) -> None:
        """Remember the input."""
        self.given += content
        if self._is_echo:
            self.output.append(("stdout", content))
        self._wake.set()

    def end_input(self) -> None:
        """Remember the end of the input."""
        self.has_ended_input.set()
        self._wake.set()

    def resize(self, width: int, height: int) -> None:
        """Remember the size."""
        self.sizes.append((width, height))

    async def wait(self) -> int:
        """Return the code."""
        return self._code

    async def close(self) -> None:
        """Remember that the session has ended."""
        self.closed.set()


class FakeRuntime:
    """Gives out one command, or refuses; forwards every port to ``address``."""

    def __init__(self, command: FakeCommand | StatusError | None = None, address: tuple[str, int] = (HOST, 1)) -> None:
        self.command = command
        self.address = address
        self.lines: Sequence[bytes] = (b"one\n", b"two\n")
        self.asked: list[tuple[object, ...]] = []

    async def logs(self, pod: ObjectKey, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        """Yield the lines."""
        for each in self.lines:
            yield each
        if options.follow:
            await asyncio.Event().wait()

    async def exec(self, pod: ObjectKey, options: PodExecOptions) -> ContainerIO:
        """Return the command."""
        self.asked.append((*pod, *options))
        return self._given()

    def attach(self, pod: ObjectKey, container: str, *, has_stdin: bool) -> ContainerIO:
        """Return the command."""
        return self._given()

    def port_address(self, pod: ObjectKey, port: int) -> tuple[str, int]:
        """Return the one address."""
        return self.address

    def socket_to(self, address: str) -> TCPSocket:
        """Return a socket of the host."""
        return tcp_socket(HOST_PLACE, address)

    def usage(self) -> Mapping[ObjectKey, PodUsage]:
        return {}

    async def open_port(self, pod: ObjectKey, port: int) -> TCPSocket:
        """Connect to the one address."""
        return await connect(HOST_PLACE, self.port_address(pod, port))

    def _given(self) -> ContainerIO:
        if isinstance(self.command, StatusError):
            raise self.command
        assert self.command is not None
        return self.command


class Door:
    """A running listener and a client of it."""

    def __init__(self, listener: APIServerListener, store: Store, port: int, client: aiohttp.ClientSession) -> None:
        self.listener = listener
        self.store = store
        self.port = port
        self.client = client


async def flush_nothing() -> None:
    """Return at once: this Store is not kept on disk."""


@contextlib.asynccontextmanager
async def served(
    handle: Callable[[Request], Answer],
    *,
    store: Store | None = None,
    runtime: Runtime | None = None,
    flush: Flush = flush_nothing,
    context: ssl.SSLContext | None = None,
    extensions: Extensions | None = None,
) -> AsyncIterator[Door]:
    """Serve a handler, with TLS if there is a context; the client sends the right token, by plain HTTP."""
    store = store or Store()
    listener = APIServerListener(
        Backend(handle, store, flush, extensions=extensions),
        runtime or FakeRuntime(),
        Access(Authenticator(TOKEN), [HOST]),
    )
    bound = socket.create_server((HOST, 0))
    port = bound.getsockname()[1]
    await listener.start(bound, context)
    try:
        async with aiohttp.ClientSession(f"http://{HOST}:{port}", headers=HEADERS) as client:
            yield Door(listener, store, port, client)
    finally:
        await listener.close()

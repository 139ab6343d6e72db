"""A server that answers as a test's script says: bytes as they are, in pieces, cut, late or never."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.helpers.loops import settled

from kubeapi.meta import JSON


class Asked(NamedTuple):
    """One request; ``number`` counts from 1, names of headers are in lower case."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def is_watch(self) -> bool:
        """Whether it watches."""
        return "watch" in self.query

    @property
    def wants_initial(self) -> bool:
        """Whether it wants a watch that begins with all objects."""
        return "sendInitialEvents" in self.query


CHUNKED = b"Transfer-Encoding: chunked"


class Cut(Exception):
    """Ends a connection at once."""


Script = Callable[[Asked], AsyncIterator[bytes]]
"""Yields the bytes of an answer; the connection is closed after it, and aborted by Cut."""


class ScriptedServer:
    """A server on a free port of 127.0.0.1. ``asked`` has all requests; ``on_certificate`` gets those of clients."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.url = ""
        self.on_certificate: Callable[[bytes], None] = lambda _: None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close the listening socket and cut all connections."""
        assert self._server is not None
        self._server.close()
        for each in tuple(self._tasks):
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await settled()

    @property
    def watches(self) -> list[Asked]:
        """The watches from a version that were asked for."""
        return [each for each in self.asked if each.is_watch and not each.wants_initial]

    @property
    def lists(self) -> list[Asked]:
        """The lists that were asked for."""
        return [each for each in self.asked if not each.is_watch]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            asked = await self._read(reader)
            tls = writer.get_extra_info("ssl_object")
            if tls is not None and (shown := tls.getpeercert(binary_form=True)):
                self.on_certificate(shown)
            self.asked.append(asked)
            is_chunked = False
            async for piece in self.script(asked):
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                await writer.drain()
                is_chunked = is_chunked or CHUNKED in piece
            if is_chunked:
                writer.write(b"0\r\n\r\n")
            writer.close()
        except (Cut, asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        return Asked(len(self.asked) + 1, method, parts.path, dict(parse_qsl(parts.query)), headers, body)


@contextlib.asynccontextmanager
async def scripted(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """Serve a script."""
    server = ScriptedServer(script)
    await server.start(context)
    try:
        yield server
    finally:
        await server.stop()


def head(status: int = 200, headers: Mapping[str, str] | None = None, length: int | None = None) -> bytes:
    """Return the head of an answer; without a length what the script then yields are chunks, as in a watch."""
    fields = {"Content-Type": "application/json", "Connection": "close", **(headers or {})}
    if length is not None:
        fields["Content-Length"] = str(length)
    else:
        name, _, value = CHUNKED.decode().partition(": ")
        fields[name] = value
    return "\r\n".join(
        [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    ).encode()


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole answer of JSON."""
    text = json.dumps(body).encode()
    return head(status, headers, len(text)) + text


def status(code: int, reason: str = "", message: str = "no", **details: Any) -> JSON:
    """Return a metav1.Status."""
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message, **details}


def item(name: str, version: int = 1, namespace: str = "default") -> JSON:
    """Return an object as in a list: without kind and apiVersion."""
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": str(version)}, "spec": {}}


def listing(*names: str, version: int = 1, token: str = "") -> JSON:
    """Return a list of items."""
    metadata = {"resourceVersion": str(version), **({"continue": token} if token else {})}
    return {"kind": "ServiceList", "apiVersion": "v1", "metadata": metadata, "items": [item(each) for each in names]}


def event(kind: str, obj: JSON) -> bytes:
    """Return a line of a watch."""
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def added(name: str, version: int) -> bytes:
    """Return the line of a new object."""
    return event("ADDED", item(name, version))


def bookmark(version: int, *, ends_initial: bool = False) -> bytes:
    """Return the line of a bookmark."""
    annotations = {"annotations": {"k8s.io/initial-events-end": "true"}} if ends_initial else {}
    return event("BOOKMARK", {"kind": "Service", "metadata": {"resourceVersion": str(version), **annotations}})


async def forever() -> None:
    """Never return."""
    await asyncio.Event().wait()

"""A DNSServer on loopback with a Store behind it, a dig to ask it, and upstreams of every temper."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple

import dnslib
from tests.helpers.kubedns.objects import cluster, resource_of
from tests.helpers.loops import settled
from tests.helpers.patience import PATIENCE

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.meta import JSON
from kubeapi.store import Store
from kubedns.config import DNSConfig, Forward
from kubedns.io.server import DNSServer

HOST = "127.98.0.10"


class Served(NamedTuple):
    """A running server, its Store and where it listens."""

    server: DNSServer
    store: Store
    host: str
    port: int

    def put(self, *objects: JSON) -> None:
        """Create or replace objects in the Store."""
        for obj in objects:
            resource, metadata = resource_of(obj), obj["metadata"]
            names = [each["metadata"]["name"] for each in self.store.list(resource, metadata.get("namespace", ""))]
            (self.store.update if metadata["name"] in names else self.store.create)(resource, obj)

    async def dig(self, *arguments: str) -> str:
        """Run dig against the server and return what it prints."""
        return await dig(self.host, self.port, *arguments)

    async def ask(self, name: str, qtype: str = "A", *, timeout: float = PATIENCE) -> dnslib.DNSRecord:
        """Ask once over UDP."""
        question = dnslib.DNSRecord.question(name, qtype)
        return dnslib.DNSRecord.parse(await exchange(self.host, self.port, question.pack(), timeout=timeout))


@contextlib.asynccontextmanager
async def serving(objects: Iterable[JSON] | None = None, **config: Any) -> AsyncIterator[Served]:
    """Serve the objects (those of the tables by default) until the block ends; nothing is left behind.

    ``upstreams`` are those of all names, ``stub_domains`` those of domains; fields of Forward are for both.
    """
    store = Store()
    for obj in cluster() if objects is None else objects:
        store.create(resource_of(obj), obj)
    config = {"addresses": ((HOST, 0),)} | with_forwards(config)
    server = DNSServer(StoreListerWatcher(store), DNSConfig(**config), clock=time.time, rng=random.Random(1))
    await server.start()
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await server.wait_for_sync()
        yield Served(server, store, *server.addresses[0])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await settled()


def with_forwards(config: dict[str, Any]) -> dict[str, Any]:
    """The settings with Forwards in place of ``upstreams``, ``stub_domains`` and the fields of a Forward."""
    fields = {each.name for each in dataclasses.fields(Forward)}
    how = {name: value for name, value in config.items() if name in fields}
    servers = {".": config.get("upstreams", ()), **config.get("stub_domains", {})}
    others = {name: value for name, value in config.items() if name not in fields | {"upstreams", "stub_domains"}}
    forwards = {domain: Forward(tuple(each), **how) for domain, each in servers.items()}
    return {"forwards": forwards, "delegated": tuple(config.get("stub_domains", ())), **others}


async def dig(host: str, port: int, *arguments: str) -> str:
    """Run dig, one try of two seconds."""
    process = await asyncio.create_subprocess_exec(
        "dig", f"@{host}", "-p", str(port), f"+time={PATIENCE}", "+tries=1", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode()


async def exchange(host: str, port: int, packet: bytes, *, timeout: float = PATIENCE) -> bytes:
    """Send one datagram and return the next one; TimeoutError if there is none."""
    loop = asyncio.get_running_loop()
    received: asyncio.Future[bytes] = loop.create_future()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            if not received.done():
                received.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=(host, port))
    try:
        transport.sendto(packet)
        async with asyncio.timeout(timeout):
            return await received
    finally:
        transport.close()


def frame(packet: bytes) -> bytes:
    """The packet as TCP carries it."""
    return len(packet).to_bytes(2, "big") + packet


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next packet of a TCP connection; IncompleteReadError at its end."""
    async with asyncio.timeout(PATIENCE):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


Temper = Callable[[bytes, bool], bytes | None]
"""What an upstream replies to a packet (over TCP or not); None for silence."""


class Upstream:
    """A name server that says what ``temper`` makes of a packet; ``asked`` are the packets it got."""

    def __init__(self, temper: Temper) -> None:
        self.temper = temper
        self.asked: list[tuple[bytes, bool]] = []
        self.address = ("", 0)

    def reply(self, packet: bytes, is_tcp: bool) -> bytes | None:
        """Note the packet and let the temper speak."""
        self.asked.append((packet, is_tcp))
        return self.temper(packet, is_tcp)


@contextlib.asynccontextmanager
async def upstream(temper: Temper, host: str = "127.98.1.1") -> AsyncIterator[Upstream]:
    """Run an upstream on UDP and TCP."""
    loop, made = asyncio.get_running_loop(), Upstream(temper)

    class Datagrams(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            if (reply := made.reply(data, False)) is not None:
                self.transport.sendto(reply, addr)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                reply = made.reply(await read_frame(reader), True)
                if reply is None:
                    break
                writer.write(frame(reply))
        writer.close()

    transport, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=(host, 0))
    made.address = transport.get_extra_info("sockname")[:2]
    server = await asyncio.start_server(serve, *made.address)
    try:
        yield made
    finally:
        transport.close()
        server.close()
        await server.wait_closed()
        await settled()


def saying(zone: str, *, rcode: str = "NOERROR") -> Temper:
    """An upstream that answers every question with the lines of ``zone``."""

    def temper(packet: bytes, _is_tcp: bool) -> bytes:
        reply = dnslib.DNSRecord.parse(packet).reply(aa=0, ra=1)
        reply.add_answer(*dnslib.RR.fromZone(zone))
        reply.header.rcode = getattr(dnslib.RCODE, rcode)
        return bytes(reply.pack())

    return temper


def mute(_packet: bytes, _is_tcp: bool) -> bytes | None:
    """An upstream that never says anything."""
    return None

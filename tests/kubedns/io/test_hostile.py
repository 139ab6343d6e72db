"""Packets and clients that mean ill: each gets its one small answer or none, and everybody else is served on."""

from __future__ import annotations

import asyncio
import random
import socket
import struct

import dnslib
import pytest
from tests.helpers.kubedns.packets import HOSTILE, QUESTION, packet, pointer_chain
from tests.helpers.kubedns.server import Served, exchange, frame, mute, read_frame, serving, upstream
from tests.helpers.kubedns.zone import handler
from tests.helpers.patience import PATIENCE

from kubedns.config import DNSConfig
from kubedns.packets.library import read_reply
from kubedns.responder import Responder
from kubedns.types import RCode

CART = "cart.shop.svc.cluster.local"


@pytest.mark.parametrize("is_tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_packet_gets_no_more_than_the_question_deserves(name: str, is_tcp: bool) -> None:
    responder = Responder(handler(config=DNSConfig()), random.Random(1).random)
    for _ in range(3):
        reply = responder.respond(HOSTILE[name], is_tcp=is_tcp)
        assert isinstance(reply, bytes)
        header = dnslib.DNSHeader.parse(dnslib.buffer.Buffer(reply))
        assert (header.id, header.qr) == (0x1234, 1)
        assert header.rcode in (RCode.FORMERR, RCode.NOERROR, RCode.NXDOMAIN, RCode.REFUSED)
        assert len(reply) < 512


def test_a_chain_of_pointers_that_fills_a_stream_is_a_format_error() -> None:
    responder = Responder(handler(), random.Random(1).random)
    reply = responder.respond(pointer_chain(8000), is_tcp=True)
    assert reply == bytes.fromhex("1234 8101 0000 0000 0000 0000")


def test_a_chain_of_pointers_from_an_upstream_is_garbage() -> None:
    chain = pointer_chain(2000)
    assert read_reply(chain[:2] + b"\x81" + chain[3:]) is None


async def test_a_server_goes_on_after_every_hostile_packet() -> None:
    async with serving() as served:
        for each in HOSTILE.values():
            assert (await exchange(served.host, served.port, each))[:2] == each[:2]
            assert await _tcp(served, each)
        assert (await served.ask(CART)).header.rcode == 0


async def _tcp(served: Served, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(served.host, served.port)
    writer.write(frame(question))
    try:
        return await read_frame(reader)
    finally:
        writer.close()


async def test_a_query_that_trickles_in_is_not_waited_for_beyond_the_idle_time_out() -> None:
    """Every byte in time, the query never: only whole queries count as life."""
    async with serving(idle_timeout=0.2) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)

        async def trickle() -> None:
            for each in frame(packet(QUESTION)) * 100:
                writer.write(bytes((each,)))
                await asyncio.sleep(0.02)

        drip = asyncio.create_task(trickle())
        with pytest.raises((ConnectionError, EOFError)):
            await read_frame(reader)
        drip.cancel()
        await asyncio.gather(drip, return_exceptions=True)
        writer.close()
        assert (await served.ask(CART)).header.rcode == 0


async def test_a_hundred_slow_connections_do_not_keep_a_quick_one_waiting() -> None:
    async with serving() as served:
        slow = [await asyncio.open_connection(served.host, served.port) for _ in range(100)]
        for _, writer in slow:
            writer.write(b"\0")
        assert dnslib.DNSRecord.parse(await _tcp(served, packet(QUESTION))).rr
        for _, writer in slow:
            writer.close()


async def test_a_client_that_resets_while_it_is_answered_is_forgotten() -> None:
    async with serving() as served:
        for _ in range(20):
            with socket.create_connection((served.host, served.port)) as sock:
                sock.sendall(frame(packet(QUESTION)) * 500)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await _until_nobody_is_connected(served)
        assert (await served.ask(CART)).header.rcode == 0


async def test_a_client_that_resets_while_an_upstream_is_asked_is_forgotten() -> None:
    async with upstream(mute) as up, serving(upstreams=(up.address,), timeout=0.2) as served:
        with socket.create_connection((served.host, served.port)) as sock:
            sock.sendall(frame(dnslib.DNSRecord.question("www.example.com").pack()) * 10)
            while len(up.asked) < 10:
                await asyncio.sleep(0.001)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await _until_nobody_is_connected(served)
        async with asyncio.timeout(PATIENCE):
            while any(each.get_name() == "dns-forward" for each in asyncio.all_tasks()):
                await asyncio.sleep(0.01)
        assert (await served.ask(CART)).header.rcode == 0


async def _until_nobody_is_connected(served: Served) -> None:
    async with asyncio.timeout(PATIENCE):
        while served.server.counts().open_connections:
            await asyncio.sleep(0.001)

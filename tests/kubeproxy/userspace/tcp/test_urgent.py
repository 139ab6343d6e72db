"""Urgent data of TCP (RFC 9293 3.8.5): no byte is lost, and it is still urgent at the other end, in its place.

IP plan: Service 127.97.13.1, endpoints 127.245.13.1 and .2, port 20080.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from tests.helpers.kubeproxy.cluster import cluster, connect, deaf_endpoint, service, slice_of, until
from tests.helpers.patience import PATIENCE

from kubeproxy.userspace.sockets import is_at_mark
from kubeproxy.userspace.tcp.relay import Side

VIP, ENDPOINT, DEAF, PORT = "127.97.13.1", "127.245.13.1", "127.245.13.2", 20080


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[dict[Side, socket.socket]]:
    """Run a proxy and yield the sockets of its client and its endpoint."""
    loop = asyncio.get_running_loop()
    with contextlib.closing(socket.create_server((ENDPOINT, PORT))) as listener:
        listener.setblocking(False)
        async with cluster(service(cluster_ip=VIP), slice_of("web", [ENDPOINT])):
            with contextlib.closing(await connect(VIP)) as client:
                endpoint, _ = await loop.sock_accept(listener)
                with contextlib.closing(endpoint):
                    yield {Side.CLIENT: client, Side.UPSTREAM: endpoint}


async def hear(sock: socket.socket, count: int, *, is_inline: bool = False) -> list[bytes]:
    """Return what comes up to ``count`` bytes, cut at each urgent byte, which has a "!" before it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, is_inline)
    heard: list[bytes] = [b""]
    taken = 0
    while taken < count:
        await asyncio.sleep(0)
        if is_at_mark(sock.fileno()):
            with contextlib.suppress(BlockingIOError, OSError):
                byte = sock.recv(1) if is_inline else sock.recv(1, socket.MSG_OOB)
                heard += [b"!" + byte, b""]
                taken += 1
                continue
        with contextlib.suppress(BlockingIOError):
            heard[-1] += (words := sock.recv(100))
            taken += len(words)
    return [each for each in heard if each]


@pytest.mark.parametrize("speaker", Side, ids=lambda side: side.name.lower())
@pytest.mark.parametrize("is_inline", [False, True], ids=["beside-the-others", "among-the-others"])
async def test_an_urgent_byte_arrives_as_such_in_its_place(speaker: Side, is_inline: bool) -> None:
    async with connected() as sockets, asyncio.timeout(PATIENCE):
        near, far = sockets[speaker], sockets[Side(1 - speaker)]
        for round_ in (b"x", b"y"):
            near.sendall(b"abc")
            near.send(round_, socket.MSG_OOB)
            near.sendall(b"def")
            assert await hear(far, 7, is_inline=is_inline) == [b"abc", b"!" + round_, b"def"]
        near.send(b"z", socket.MSG_OOB)
        assert await hear(far, 1, is_inline=is_inline) == [b"!z"]


@pytest.mark.parametrize("speaker", Side, ids=lambda side: side.name.lower())
async def test_an_end_right_behind_an_urgent_byte_loses_nothing(speaker: Side) -> None:
    async with connected() as sockets, asyncio.timeout(PATIENCE):
        near, far = sockets[speaker], sockets[Side(1 - speaker)]
        near.sendall(b"abc")
        near.send(b"x", socket.MSG_OOB)
        near.sendall(b"def")
        near.shutdown(socket.SHUT_WR)
        assert await hear(far, 7) == [b"abc", b"!x", b"def"]
        assert await asyncio.get_running_loop().sock_recv(far, 1) == b""


async def test_an_urgent_byte_that_comes_before_the_endpoint_has_answered_is_not_lost() -> None:
    loop = asyncio.get_running_loop()
    turned = service(cluster_ip=VIP, annotations={"kubesvc.dev/balancer": "round_robin"})
    with deaf_endpoint(DEAF), contextlib.closing(socket.create_server((ENDPOINT, PORT))) as listener:
        listener.setblocking(False)
        async with cluster(turned, slice_of("web", [DEAF])) as c, asyncio.timeout(PATIENCE):
            with contextlib.closing(await connect(VIP)) as client:
                await until(lambda: c.plane.connections() == 1)
                client.sendall(b"abc")
                client.send(b"x", socket.MSG_OOB)
                client.sendall(b"def")
                c.put(slice_of("web", [ENDPOINT]))
                endpoint, _ = await loop.sock_accept(listener)
                with contextlib.closing(endpoint):
                    heard = await hear(endpoint, 7)
                    assert b"".join(heard).replace(b"!", b"") == b"abcxdef"


async def test_a_request_of_http_has_no_urgent_bytes() -> None:
    """As with other HTTP proxies: what is sent so is no part of the request."""
    loop = asyncio.get_running_loop()
    http = service(cluster_ip=VIP, ports=[{"port": PORT, "appProtocol": "http"}])
    with contextlib.closing(socket.create_server((ENDPOINT, PORT))) as listener:
        listener.setblocking(False)
        async with cluster(http, slice_of("web", [ENDPOINT])), asyncio.timeout(PATIENCE):
            with contextlib.closing(await connect(VIP)) as client:
                client.sendall(b"GET /a")
                client.send(b"!", socket.MSG_OOB)
                client.sendall(b"b HTTP/1.1\r\nHost: web\r\n\r\n")
                endpoint, _ = await loop.sock_accept(listener)
                with contextlib.closing(endpoint):
                    assert (await loop.sock_recv(endpoint, 4096)).startswith(b"GET /ab HTTP/1.1\r\n")

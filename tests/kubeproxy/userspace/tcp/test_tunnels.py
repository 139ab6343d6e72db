"""Endpoints behind tunnels: the proxy moves the bytes between a client's socket and what the test plays as a tunnel.

IP plan: Service 127.97.0.8, endpoints 127.245.0.8 and .9, port 20080.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest
from tests.helpers.kubeproxy.cluster import Cluster, cluster, naming_endpoints, service, slice_of, until
from tests.helpers.patience import PATIENCE

from kubeproxy.telemetry.outcomes import Result
from kubeproxy.tunnels import Bytes, Tunnel, TunnelReader
from kubeproxy.userspace.tcp.io.front import CLOSE_WAIT_SECONDS
from kubeproxy.userspace.tcp.io.tunnelend import TunnelEnd

VIP, ENDPOINT, OTHER, PORT = "127.97.0.8", "127.245.0.8", "127.245.0.9", 20080
MIB = 1024 * 1024
RESET = struct.pack("ii", 1, 0)


class PlayedTunnel:
    """A tunnel to the test. It takes ``room`` bytes, and remembers what it was told in ``said``."""

    def __init__(self, reader: TunnelReader) -> None:
        self.reader = reader
        self.taken = b""
        self.room = 1 << 30
        self.is_read = True
        self.is_lost = False
        self.said: list[str] = []

    def send(self, content: Bytes, flags: int = 0, /) -> int:
        del flags
        if self.is_lost:
            raise BrokenPipeError
        content = bytes(content[: self.room])
        self.room -= len(content)
        self.taken += content
        return len(content)

    def shut(self) -> None:
        self.said.append("shut")

    def read(self, is_read: bool) -> None:
        self.is_read = is_read

    def close(self, *, is_reset: bool) -> None:
        self.said.append("reset" if is_reset else "close")


class Ground:
    """A Service with one endpoint behind a tunnel, and the tunnels that the proxy has opened."""

    cluster: Cluster

    def __init__(self) -> None:
        self.tunnels: list[PlayedTunnel] = []
        self.before: Callable[[PlayedTunnel], None] = lambda _: None

    def open_tunnel(self, address: str, port: int, reader: TunnelReader) -> Tunnel | None:
        if (address, port) != (ENDPOINT, PORT):
            return None
        tunnel = PlayedTunnel(reader)
        self.before(tunnel)
        self.tunnels.append(tunnel)
        return tunnel

    async def connect(self, words: bytes = b"") -> tuple[socket.socket, PlayedTunnel]:
        """Return a client that has said something, and its tunnel."""
        client = socket.create_connection((VIP, PORT), timeout=PATIENCE)
        if words:
            client.sendall(words)
        client.setblocking(False)
        count = len(self.tunnels) + 1
        await until(lambda: len(self.tunnels) == count)
        return client, self.tunnels[-1]

    @property
    def outcome(self) -> str:
        """How the last connection has ended."""
        return self.cluster.plane.recent.records()[-1].outcome


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    one = Ground()
    objects = service(cluster_ip=VIP), slice_of(addresses=[ENDPOINT])
    async with cluster(*objects, open_tunnel=one.open_tunnel) as one.cluster:
        yield one


class Told:
    """A watcher that remembers how long first bytes took."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def answered(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def opened(self) -> None:
        pass

    def closed(self) -> None:
        pass

    def completed(self, result: Result) -> None:
        pass


async def hear(client: socket.socket, count: int) -> bytes:
    """Return so many bytes, or those before the end."""
    loop, heard = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(PATIENCE):
        while len(heard) < count and (content := await loop.sock_recv(client, count - len(heard))):
            heard += content
    return bytes(heard)


async def test_what_a_client_says_before_and_after_leaves_by_the_tunnel_and_answers_come_back(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"first ")
    with client:
        await until(lambda: tunnel.taken == b"first ")
        client.send(b"second")
        await until(lambda: tunnel.taken == b"first second")
        tunnel.reader.on_bytes(b"answer")
        assert await hear(client, 6) == b"answer"
        (record,) = ground.cluster.plane.recent.records()
        assert (record.bytes_to_endpoint, record.bytes_to_client) == (12, 6)
        assert record.choice is not None and record.choice.address == f"{ENDPOINT}:{PORT}"


@pytest.mark.parametrize("first", ["client", "endpoint"])
async def test_each_end_is_passed_on_and_after_both_the_tunnel_is_closed(ground: Ground, first: str) -> None:
    client, tunnel = await ground.connect(b"question")
    with client:
        if first == "client":
            client.shutdown(socket.SHUT_WR)
            await until(lambda: tunnel.said == ["shut"])
            tunnel.reader.on_bytes(b"answer")
            tunnel.reader.on_end()
            assert await hear(client, 100) == b"answer"
        else:
            tunnel.reader.on_bytes(b"answer")
            tunnel.reader.on_end()
            assert await hear(client, 100) == b"answer"
            assert tunnel.said == []
            client.shutdown(socket.SHUT_WR)
        await until(lambda: tunnel.said[-1:] == ["close"])
    assert ground.outcome == "closed"
    assert not ground.cluster.plane.tcp.connections


async def test_a_client_that_has_ended_before_there_was_a_tunnel_is_served(ground: Ground) -> None:
    with socket.create_connection((VIP, PORT), timeout=PATIENCE) as client:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        client.setblocking(False)
        await until(lambda: bool(ground.tunnels) and ground.tunnels[0].said == ["shut"])
        assert ground.tunnels[0].taken == b"question"
        ground.tunnels[0].reader.on_bytes(b"answer")
        ground.tunnels[0].reader.on_end()
        assert await hear(client, 100) == b"answer"


async def test_a_slow_client_is_not_read_for_and_loses_nothing(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"?")
    with client:
        said = 0
        while tunnel.is_read:
            tunnel.reader.on_bytes(bytes([said % 251]) * MIB)
            said += 1
            assert said < 100
        heard = await hear(client, said * MIB)
        assert heard == b"".join(bytes([each % 251]) * MIB for each in range(said))
        await until(lambda: tunnel.is_read)


async def test_a_full_tunnel_stops_the_client_and_what_it_refused_follows(ground: Ground) -> None:
    ground.before = lambda tunnel: setattr(tunnel, "room", 4)
    client, tunnel = await ground.connect(b"abcdef")
    with client:
        await until(lambda: tunnel.taken == b"abcd")
        client.send(b"gh")
        tunnel.room = 1
        tunnel.reader.on_room()
        assert tunnel.taken == b"abcde"
        tunnel.room = 1 << 20
        tunnel.reader.on_room()
        await until(lambda: tunnel.taken == b"abcdefgh")
        client.shutdown(socket.SHUT_WR)
        await until(lambda: tunnel.said == ["shut"])


async def test_a_tunnel_that_is_lost_resets_the_client(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    with client:
        tunnel.reader.on_reset()
        with pytest.raises(ConnectionResetError):
            await hear(client, 1)
    assert ground.outcome == "reset"
    assert not ground.cluster.plane.tcp.connections


async def test_a_client_that_resets_resets_the_tunnel(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    await until(lambda: tunnel.said == ["reset"])
    assert ground.outcome == "reset"


async def test_a_tunnel_that_takes_no_more_bytes_resets_the_client(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    with client:
        tunnel.is_lost = True
        client.send(b"more")
        with pytest.raises(ConnectionResetError):
            await hear(client, 1)
    assert tunnel.said == ["reset"]


async def test_an_urgent_byte_is_passed_on_in_its_place(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"ab")
    with client:
        await until(lambda: tunnel.taken == b"ab")
        client.send(b"!", socket.MSG_OOB)
        client.send(b"cd")
        await until(lambda: tunnel.taken == b"ab!cd")


async def test_an_urgent_byte_that_a_full_tunnel_refuses_follows_later(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"ab")
    with client:
        await until(lambda: tunnel.taken == b"ab")
        tunnel.room = 0
        client.send(b"!", socket.MSG_OOB)
        (record,) = ground.cluster.plane.recent.records()
        await until(lambda: record.bytes_to_endpoint == 3)
        tunnel.room = 1 << 20
        tunnel.reader.on_room()
        client.send(b"cd")
        await until(lambda: tunnel.taken == b"ab!cd")


@pytest.mark.usefixtures("wanted_failures")
async def test_a_failure_costs_that_connection_alone_and_is_told(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    other, _ = await ground.connect(b"question")
    with client, other:
        assert isinstance(tunnel.reader, TunnelEnd)
        tunnel.reader.connection.counters = None  # as a fault of ours would leave it
        tunnel.reader.on_bytes(b"answer")
        with pytest.raises(ConnectionResetError):
            await hear(client, 100)
        ground.tunnels[1].reader.on_bytes(b"answer")
        assert await hear(other, 6) == b"answer"
    assert "an event of TunnelEnd" in str([*map(str, ground.cluster.plane.failures.all())])


async def test_connections_are_reset_when_the_proxy_ends(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    with client:
        ground.cluster.plane.tcp.reset_all()
        assert tunnel.said == ["reset"]


async def test_a_half_closed_tunnel_that_is_silent_is_reaped(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    with client, contextlib.suppress(OSError):
        tunnel.reader.on_end()
        assert await hear(client, 1) == b""
        ground.cluster.plane.tcp.reap()
        assert tunnel.said == []
        ground.cluster.now[0] += CLOSE_WAIT_SECONDS + 1
        ground.cluster.plane.tcp.reap()
        assert tunnel.said == []  # the kernel says that the client spoke just now


async def test_a_connection_whose_client_is_in_a_network_that_is_gone_is_reset_the_others_stay(ground: Ground) -> None:
    client, tunnel = await ground.connect(b"question")
    with client:
        ground.cluster.plane.end_elsewhere()
        assert tunnel.said == []
        ground.cluster.plane.tcp.end_elsewhere(-2)
        assert tunnel.said == ["reset"]


async def test_an_endpoint_without_a_tunnel_is_dialled(ground: Ground) -> None:
    ground.cluster.put(slice_of(addresses=[OTHER]))
    await ground.cluster.settle()
    async with naming_endpoints(OTHER):
        reader, writer = await asyncio.open_connection(VIP, PORT)
        assert await reader.read() == OTHER.encode()
        writer.close()
    assert not ground.tunnels


async def test_an_algorithm_that_follows_its_endpoints_learns_how_long_the_first_byte_takes() -> None:
    one = Ground()
    web = service(cluster_ip=VIP, annotations={"kubesvc.dev/balancer": "peak_ewma"})
    async with cluster(web, slice_of(addresses=[ENDPOINT]), open_tunnel=one.open_tunnel) as one.cluster:
        client, tunnel = await one.connect(b"question")
        with client:
            (connection,) = one.cluster.plane.tcp.connections
            assert connection.counters is not None
            told = Told()
            connection.counters.watchers = (told,)
            one.cluster.now[0] += 2.0
            tunnel.reader.on_bytes(b"answer")
            tunnel.reader.on_bytes(b"more")
        assert told.seconds == [2.0]

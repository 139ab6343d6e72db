"""Sockets of networks that an agent holds: its service and the stocks of its clients, with real networks."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from socket import SocketType

import pytest
from tests.helpers.kubelet.agent_process import RunningAgent, running_agent
from tests.helpers.patience import PATIENCE

import kubehost.io.socketsource
from kubehost.io.agentplace import AgentPlace
from kubehost.io.places import HOST, Place, as_it_is
from kubehost.io.socketsource import FIRST, LARGEST, SocketSource
from kubehost.socketmessages import CLUSTER, MOST, Answer, Wish, read_reply

POD, OTHER = "127.244.1.2", "127.244.1.3"
TCP = int(socket.AF_INET), int(socket.SOCK_STREAM), int(socket.IPPROTO_TCP)
UDP = int(socket.AF_INET), int(socket.SOCK_DGRAM), int(socket.IPPROTO_UDP)


@pytest.fixture
def agent() -> Iterator[RunningAgent]:
    with running_agent(POD, OTHER) as agent:
        yield agent


@pytest.fixture
async def source(agent: RunningAgent) -> AsyncIterator[SocketSource]:
    source = SocketSource()
    agent.attach(source)
    yield source
    source.close()


def files(folder: str = "/proc/self/fd") -> int:
    return len(list(Path(folder).iterdir()))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0)


def refused(take: Callable[[], SocketType]) -> int | None:
    try:
        take().close()
    except OSError as error:
        return error.errno
    return None


async def test_each_network_has_its_own_ports(source: SocketSource) -> None:
    cluster = AgentPlace("cluster", as_it_is, source)
    places: list[Place] = [
        HOST,
        cluster,
        *(AgentPlace(each, as_it_is, source, each) for each in (POD, OTHER)),
    ]
    port = 0  # of the first one, that the host has free
    with contextlib.ExitStack() as bound:
        for place in places:
            sock = bound.enter_context(contextlib.closing(place.socket(*TCP)))
            sock.bind(("0.0.0.0", port))
            sock.listen(1)
            port = sock.getsockname()[1]
        second = bound.enter_context(contextlib.closing(cluster.socket(*TCP)))
        with pytest.raises(OSError, match="in use"):
            second.bind(("0.0.0.0", port))


async def test_a_socket_of_a_stock_is_as_one_of_the_host(source: SocketSource) -> None:
    sock = source.take(POD, TCP)
    assert (sock.family, sock.type, sock.proto, sock.gettimeout()) == (*TCP, 0.0)
    assert not os.get_blocking(sock.fileno())
    assert not os.get_inheritable(sock.fileno())
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    sock.close()


async def test_the_agent_fills_a_stock_before_it_is_empty(source: SocketSource) -> None:
    before = files()
    taken = [source.take(POD, UDP) for _ in range(FIRST - 1)]
    await until(lambda: files() == before + FIRST - 1 + 2 * FIRST)
    for each in taken:
        each.close()


async def test_a_stock_grows_with_its_use_up_to_a_bound(source: SocketSource) -> None:
    before = files()
    for _ in range(1000):
        source.take(POD, UDP).close()
        await asyncio.sleep(0)
    await until(lambda: files() > before + LARGEST // 2)
    assert files() <= before + LARGEST


async def test_more_sockets_than_a_stock_has_come_at_once(source: SocketSource) -> None:
    taken = [source.take(POD, TCP) for _ in range(300)]
    assert len({each.fileno() for each in taken}) == 300
    for each in taken:
        each.close()


async def test_rare_kinds_are_made_one_at_a_time(source: SocketSource) -> None:
    before = files()
    sock = source.take(CLUSTER, (int(socket.AF_NETLINK), int(socket.SOCK_RAW), 0))
    sock.bind((0, 0))
    assert files() == before + 1
    sock.close()


async def test_a_network_that_does_not_exist_is_said_and_a_pod_without_one_dials_from_the_node(
    source: SocketSource,
) -> None:
    assert refused(lambda: source.take("127.244.9.9", TCP)) == errno.ENXIO
    cluster = AgentPlace("cluster", as_it_is, source)
    in_cluster = cluster.socket(*TCP)
    in_cluster.bind(("0.0.0.0", 20080))
    in_cluster.listen(1)
    gone = AgentPlace("127.244.9.9", as_it_is, source, "127.244.9.9", cluster).socket(*TCP)
    with pytest.raises(OSError, match="in use"):
        gone.bind(("0.0.0.0", 20080))
    gone.close()
    in_cluster.close()


async def test_what_the_kernel_refuses_is_said_and_the_next_socket_comes(source: SocketSource) -> None:
    assert refused(lambda: source.take(POD, (*TCP[:2], 250))) == errno.EPROTONOSUPPORT
    assert refused(lambda: source.take(POD, TCP)) is None


async def test_the_stock_of_a_network_that_ends_is_closed(agent: RunningAgent, source: SocketSource) -> None:
    source.take(CLUSTER, TCP).close()
    before = files()
    source.take(POD, TCP).close()
    assert files() == before + FIRST - 1
    agent.order("end", POD)
    await until(lambda: files() == before)
    assert refused(lambda: source.take(POD, TCP)) == errno.ENXIO


async def test_an_address_that_another_pod_gets_is_its_network(agent: RunningAgent, source: SocketSource) -> None:
    bound = source.take(POD, TCP)
    bound.bind(("0.0.0.0", 20080))
    agent.order("end", POD)
    agent.order("add", POD)
    await until(lambda: POD not in source.networks)
    again = source.take(POD, TCP)
    again.bind(("0.0.0.0", 20080))
    bound.close()
    again.close()


async def test_pods_that_come_and_go_leave_no_open_file(agent: RunningAgent, source: SocketSource) -> None:
    source.take(CLUSTER, TCP).close()
    agent.order("end", POD)  # obeyed when all that was asked for before is done
    ours, its = files(), agent.files()
    for number in range(1000):
        pod = f"127.244.2.{number % 250}"
        agent.order("alias", pod, OTHER)
        source.take(pod, TCP).close()
        source.take(pod, UDP).close()
        agent.order("end", pod)
        await until(lambda: source.networks == (CLUSTER,))
    assert (files(), agent.files()) == (ours, its)


async def test_networks_that_were_not_used_for_long_give_their_sockets_back(
    agent: RunningAgent, source: SocketSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_most", 3)
    pods = [f"127.244.3.{number}" for number in range(10)]
    source.take(CLUSTER, TCP).close()
    for pod in pods:
        agent.order("add", pod)
        source.take(pod, TCP).close()
    assert set(source.networks) == {CLUSTER, *pods[-2:]}


async def test_without_an_agent_there_is_no_socket_and_a_new_one_brings_them_back(
    agent: RunningAgent, source: SocketSource
) -> None:
    before = files() - 1
    source.take(POD, TCP).close()
    agent.process.kill()
    agent.process.wait()
    await until(lambda: files() == before)
    assert refused(lambda: source.take(POD, TCP)) == errno.ENETDOWN
    with pytest.raises(OSError, match="gone"):
        source.lend()
    with running_agent(OTHER) as other:
        other.attach(source)
        assert refused(lambda: source.take(OTHER, TCP)) is None
        assert refused(lambda: source.take(POD, TCP)) == errno.ENXIO


async def test_an_agent_that_dies_while_a_socket_is_waited_for_is_an_error(
    agent: RunningAgent, source: SocketSource
) -> None:
    agent.process.send_signal(signal.SIGSTOP)
    asyncio.get_running_loop().run_in_executor(None, agent.process.kill)
    assert refused(lambda: source.take(POD, TCP)) == errno.ENETDOWN


async def test_an_agent_that_does_not_answer_is_waited_for_once(
    agent: RunningAgent, source: SocketSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubehost.io.socketsource, "WAIT_SECONDS", 0.05)
    agent.process.send_signal(signal.SIGSTOP)
    assert refused(lambda: source.take(POD, TCP)) == errno.ETIMEDOUT
    monkeypatch.setattr(kubehost.io.socketsource, "WAIT_SECONDS", float("inf"))
    assert refused(lambda: source.take(POD, TCP)) == errno.ETIMEDOUT
    agent.process.send_signal(signal.SIGCONT)
    await until(lambda: refused(lambda: source.take(POD, TCP)) is None)


async def test_an_agent_with_few_files_left_gives_the_sockets_it_can_make(
    agent: RunningAgent, source: SocketSource
) -> None:
    agent.order("limit", agent.files() + 5)
    taken = [source.take(POD, TCP) for _ in range(40)]
    assert len(taken) == 40
    for each in taken:
        each.close()
    agent.order("limit", 3)
    assert refused(lambda: source.take(OTHER, TCP)) == errno.EMFILE


async def test_a_client_without_room_for_a_socket_is_told_so_and_goes_on(source: SocketSource) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))
    try:
        assert refused(lambda: source.take(POD, TCP)) in (errno.EMFILE, None)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        assert refused(lambda: source.take(OTHER, TCP)) == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert refused(lambda: source.take(OTHER, TCP)) is None


async def test_a_lent_channel_is_another_process_own(agent: RunningAgent, source: SocketSource) -> None:
    other = SocketSource()
    other.attach(source.lend())
    assert refused(lambda: other.take(POD, TCP)) is None
    source.close()
    assert refused(lambda: other.take(OTHER, UDP)) is None
    agent.order("end", POD)
    await until(lambda: POD not in other.networks)
    other.close()


def ask(channel: socket.socket, wish: Wish) -> tuple[Answer, list[int]]:
    channel.send(wish.packet())
    packet, descriptors, _, _ = socket.recv_fds(channel, 512, MOST)
    answer = read_reply(packet)
    assert isinstance(answer, Answer)
    return answer, descriptors


def test_one_packet_brings_as_many_sockets_as_the_kernel_allows(agent: RunningAgent) -> None:
    answer, descriptors = ask(agent.channel, Wish(1, POD, *TCP, MOST))
    assert (answer, len(descriptors)) == (Answer(1, 0), MOST)
    for each in descriptors:
        os.close(each)


async def test_a_client_that_asks_for_too_many_loses_its_channel_and_others_do_not(
    agent: RunningAgent, source: SocketSource
) -> None:
    bad = source.lend()
    bad.send(Wish(1, POD, *TCP, MOST + 1).packet())
    bad.settimeout(PATIENCE)
    assert bad.recv(16) == b""
    bad.close()
    assert refused(lambda: source.take(POD, TCP)) is None


def test_a_client_that_does_not_read_holds_up_nobody(agent: RunningAgent) -> None:
    agent.channel.setblocking(False)
    wishes = 0
    with pytest.raises(BlockingIOError):
        while True:
            agent.channel.send(Wish(wishes + 1, POD, *TCP, 1).packet())
            wishes += 1
    agent.order("add", "127.244.7.7")
    agent.channel.settimeout(PATIENCE)
    for number in range(wishes):
        packet, descriptors, _, _ = socket.recv_fds(agent.channel, 512, MOST)
        assert read_reply(packet) in (Answer(number + 1, 0), Answer(number + 1, errno.EMFILE))
        for each in descriptors:
            os.close(each)

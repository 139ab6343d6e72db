"""What the product costs the kernel: the system calls of the real process, a guard that no busy machine can spoil.

One cluster in the foreground, its main process traced. This test is client and endpoint at once and does one thing
after the other, each only when the process waits for events, and a burst while it is held. So the same calls are made
every time, however long they take.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, end, eventually, find
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import Manifest, service, write
from tests.helpers.kubedns.packets import packet
from tests.helpers.objects import build_endpoint, build_slice
from tests.helpers.patience import PATIENCE
from tests.helpers.systemcalls import SystemCalls, below, counting

BURST = 32
REQUEST, REQUESTS = "a request on a kept connection", f"{BURST} requests on kept connections"
CONNECTION, CONNECTIONS = "a connection that begins with its request", f"{BURST} connections"
SILENT = "a connection whose client speaks late"
HTTP, HTTP_REQUESTS = "an HTTP request on a kept connection", f"{BURST} HTTP requests on kept connections"
DATAGRAM, DATAGRAMS = "a datagram and its answer", f"{BURST} datagrams and their answers"
KEPT, NEW, QUESTIONS = "a question asked before", "a new question", f"{BURST} questions"

COSTS: Mapping[str, Mapping[str, int]] = {
    # Each event on its own: a wait of the event loop, a look at the proxy's own epoll, and one more that finds nothing.
    REQUEST: {"epoll_wait": 6, "recvfrom": 2, "sendto": 2},
    REQUESTS: {"epoll_wait": 6, "recvfrom": 2 * BURST, "sendto": 2 * BURST},
    # Four events: it comes, it is answered, the endpoint ends, the client ends. The second accept4 finds nobody.
    CONNECTION: {
        "epoll_wait": 12,
        "accept4": 2,
        "recvfrom": 4,
        "getsockname": 1,
        "socket": 1,
        "setsockopt": 1,
        "connect": 1,
        "sendto": 2,
        "epoll_ctl": 3,
        "shutdown": 1,
        "close": 2,
    },
    # One event more, a receive too early, and a connect that asks how the first one went, which else the request does.
    SILENT: {
        "epoll_wait": 15,
        "accept4": 2,
        "recvfrom": 5,
        "getsockname": 1,
        "socket": 1,
        "setsockopt": 1,
        "connect": 2,
        "sendto": 2,
        "epoll_ctl": 3,
        "shutdown": 1,
        "close": 2,
    },
    CONNECTIONS: {
        "epoll_wait": 12,
        "accept4": BURST + 1,
        "recvfrom": 4 * BURST,
        "getsockname": BURST,
        "socket": BURST,
        "setsockopt": BURST,
        "connect": BURST,
        "sendto": 2 * BURST,
        "epoll_ctl": 3 * BURST,
        "shutdown": BURST,
        "close": 2 * BURST,
    },
    HTTP: {"epoll_wait": 6, "recvfrom": 2, "sendto": 2},
    HTTP_REQUESTS: {"epoll_wait": 6, "recvfrom": 2 * BURST, "sendto": 2 * BURST},
    DATAGRAM: {"epoll_wait": 6, "recvmmsg": 1, "sendto": 1, "recvfrom": 1, "sendmmsg": 1},
    DATAGRAMS: {"epoll_wait": 6, "recvmmsg": 1, "sendto": BURST, "recvfrom": BURST, "sendmmsg": 2},
    # However many questions wait.
    KEPT: {"epoll_wait": 1, "recvmmsg": 1, "sendmmsg": 1},
    NEW: {"epoll_wait": 1, "recvmmsg": 1, "sendmmsg": 1},
    QUESTIONS: {"epoll_wait": 1, "recvmmsg": 1, "sendmmsg": 1},
}
"""The system calls of each of these, and no others: what they are today, to be lowered when the product is."""

ALLOWANCE = 10
"""Calls of each name beside all the work of a test, in which the costs above come out exactly: room for a timer that is
due just when an event comes. What timers do by themselves is not counted. One call more for each piece is far above.
"""
TIMES, BURSTS, WARM_UP = 200, 25, 3
IDLE_SECONDS, IDLE_CALLS = 2.0, 100
"""A cluster without work: today timers make ten calls in that time; what loops without end makes thousands."""

GROUND = Ground(22)
ENDPOINT_IP = f"127.{200 + GROUND.number}.9.1"
ASKED, ANSWERED = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NAME, A_IN = b"\x06stream\x07default\x03svc\x07cluster\x05local\0", b"\0\1\0\1"
ANSWER_COUNT = 7
"""Where a response counts its answers, up to 255 of them (RFC 1035 4.1.1)."""

PROGRAM = """
import os, select, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((sys.argv[1], int(sys.argv[2])))
events = select.epoll()
events.register(sock, select.EPOLLIN)
sock.send(b"ready")
while events.poll():
    sock.recv(64)
    for _ in range(3):
        os.getpid()
    sock.send(b"answer")
"""

Address = tuple[str, int]
Sockets = Sequence[socket.socket]
Step = Callable[[int], None]


@dataclass(frozen=True)
class Stage:
    """The traced cluster, where it answers, and the sockets of the endpoint that its Services have."""

    calls: SystemCalls
    services: Mapping[str, Address]
    dns: Address
    listener: socket.socket
    datagrams: socket.socket
    pid: int


@dataclass(frozen=True)
class Work:
    """What is done ``times``; ``begin`` gives the step, to be called with a number that is another one each time."""

    begin: Callable[[Stage], AbstractContextManager[Step]]
    times: int = TIMES


def endpoint(kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((ENDPOINT_IP, 0))
    sock.settimeout(PATIENCE)
    return sock


def client(kind: socket.SocketKind, address: Address) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.settimeout(PATIENCE)
    sock.connect(address)
    return sock


def backed(name: str, protocol: str, port: int, **more: str) -> list[Manifest]:
    """Return a Service without a selector, and its one endpoint."""
    ports = [{"name": "it", "port": port, "protocol": protocol}]
    endpoints = build_slice(f"{name}-1", name, [build_endpoint(ENDPOINT_IP, ready=True)], ports=ports)
    return [service(name, "", ports=[{"name": "it", "port": 8080, "protocol": protocol, **more}]), endpoints]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    commands = ClusterCommands(tmp_path_factory.mktemp("state"), "counted")
    with endpoint(socket.SOCK_STREAM) as listener, endpoint(socket.SOCK_DGRAM) as datagrams:
        listener.listen()
        port = listener.getsockname()[1]
        manifests = [
            *backed("stream", "TCP", port),
            *backed("web", "TCP", port, appProtocol="http"),
            *backed("datagram", "UDP", datagrams.getsockname()[1]),
        ]
        file = write(tmp_path_factory.mktemp("manifests") / "cluster.yaml", GROUND.configuration(), *manifests)
        # Without sandboxes, as the endpoint is this test, outside of them, with an address of a pod.
        with counting(commands, "--sandbox", "none", file) as calls:
            status = commands.status()
            services = {
                name: (listener_of["address"], listener_of["port"])
                for name in ("stream", "web", "datagram")
                for listener_of in find(status["services"], name=name)["listeners"]
            }
            dns = status["dns"]["addresses"][0]
            assert eventually(lambda: is_at_rest(calls))
            yield Stage(calls, services, (dns["address"], dns["port"]), listener, datagrams, status["pid"])
            end(commands)


def is_at_rest(calls: SystemCalls) -> bool:
    """Tell whether the cluster has done what it does behind its start: it imports what runs pods, in a thread."""
    calls.take()
    time.sleep(IDLE_SECONDS / 10)
    return calls.take().total() <= IDLE_CALLS / 10


def tell(sockets: Sockets, text: bytes) -> None:
    for each in sockets:
        each.sendall(text)


def hear(sockets: Sockets, text: bytes) -> None:
    for each in sockets:
        assert text in each.recv(4096)


def accepted(stage: Stage, count: int) -> list[socket.socket]:
    fars = [stage.listener.accept()[0] for _ in range(count)]
    for each in fars:
        each.settimeout(PATIENCE)
    return fars


def answer(calls: SystemCalls, nears: Sockets, fars: Sockets) -> None:
    with calls.held():
        tell(fars, ANSWERED)
    hear(nears, b"hi")


def converse(calls: SystemCalls, nears: Sockets, fars: Sockets) -> None:
    with calls.held():
        tell(nears, ASKED)
    hear(fars, b"GET")
    answer(calls, nears, fars)


def finish(calls: SystemCalls, nears: Sockets, fars: Sockets) -> None:
    """End connections as a server does that keeps none."""
    with calls.held():
        for far in fars:
            far.shutdown(socket.SHUT_WR)
    for near in nears:
        assert near.recv(4096) == b""
    with calls.held():
        for near in nears:
            near.close()
    for far in fars:
        assert far.recv(4096) == b""
        far.close()


@contextmanager
def requests(stage: Stage, name: str, count: int) -> Iterator[Step]:
    with ExitStack() as stack:
        nears = [stack.enter_context(client(socket.SOCK_STREAM, stage.services[name])) for _ in range(count)]
        tell(nears, ASKED)
        fars = [stack.enter_context(each) for each in accepted(stage, count)]
        hear(fars, b"GET")
        answer(stage.calls, nears, fars)
        yield lambda _: converse(stage.calls, nears, fars)


@contextmanager
def connections(stage: Stage, count: int, *, is_late: bool = False) -> Iterator[Step]:
    def step(_: int) -> None:
        with stage.calls.held():
            nears = [client(socket.SOCK_STREAM, stage.services["stream"]) for _ in range(count)]
            tell(nears, b"" if is_late else ASKED)
        fars = accepted(stage, count)
        if is_late:
            converse(stage.calls, nears, fars)
        else:
            hear(fars, b"GET")
            answer(stage.calls, nears, fars)
        finish(stage.calls, nears, fars)

    yield step


@contextmanager
def datagrams(stage: Stage, count: int) -> Iterator[Step]:
    with client(socket.SOCK_DGRAM, stage.services["datagram"]) as near:

        def step(_: int) -> None:
            with stage.calls.held():
                for _ in range(count):
                    near.send(b"ask")
            clients = [stage.datagrams.recvfrom(64)[1] for _ in range(count)]
            with stage.calls.held():
                for each in clients:
                    stage.datagrams.sendto(b"answer", each)
            assert [near.recv(64) for _ in range(count)] == [b"answer"] * count

        yield step


def spelled(number: int) -> bytes:
    """Return a spelling of the name that is no other number's: answers are kept by the letters that were asked."""
    return bytes(each ^ 0x20 if chr(each).isalpha() and number >> at & 1 else each for at, each in enumerate(NAME))


@contextmanager
def questions(stage: Stage, count: int, *, is_new: bool = False) -> Iterator[Step]:
    with client(socket.SOCK_DGRAM, stage.dns) as near:

        def step(number: int) -> None:
            question = packet((spelled(number) if is_new else NAME) + A_IN)
            with stage.calls.held():
                for _ in range(count):
                    near.send(question)
            assert [near.recv(512)[ANSWER_COUNT] for _ in range(count)] == [1] * count

        yield step


WORKS: Mapping[str, Work] = {
    REQUEST: Work(lambda stage: requests(stage, "stream", 1)),
    REQUESTS: Work(lambda stage: requests(stage, "stream", BURST), BURSTS),
    CONNECTION: Work(lambda stage: connections(stage, 1)),
    SILENT: Work(lambda stage: connections(stage, 1, is_late=True)),
    CONNECTIONS: Work(lambda stage: connections(stage, BURST), BURSTS),
    HTTP: Work(lambda stage: requests(stage, "web", 1)),
    HTTP_REQUESTS: Work(lambda stage: requests(stage, "web", BURST), BURSTS),
    DATAGRAM: Work(lambda stage: datagrams(stage, 1)),
    DATAGRAMS: Work(lambda stage: datagrams(stage, BURST), BURSTS),
    KEPT: Work(lambda stage: questions(stage, 1)),
    NEW: Work(lambda stage: questions(stage, 1, is_new=True)),
    QUESTIONS: Work(lambda stage: questions(stage, BURST), BURSTS),
}


@pytest.mark.parametrize("name", WORKS)
def test_costs_no_more_calls_than_it_must(name: str, stage: Stage) -> None:
    work, allowed = WORKS[name], COSTS[name]
    with work.begin(stage) as step:
        for number in range(WARM_UP):
            step(work.times + number)
        stage.calls.take()
        for number in range(work.times):
            step(number)
        counted = stage.calls.take()
    del counted["timers"]
    too_many = {call for call, count in counted.items() if count > allowed.get(call, 0) * work.times + ALLOWANCE}
    each = {call: round(count / work.times, 2) for call, count in counted.items()}
    assert not too_many, f"{name} costs {each}, allowed is {allowed}"


def test_an_idle_cluster_does_next_to_nothing(stage: Stage) -> None:
    stage.calls.take()
    time.sleep(IDLE_SECONDS)
    counted = stage.calls.take()
    assert counted.total() <= IDLE_CALLS, counted


def test_the_calls_of_a_program_are_counted_as_it_makes_them() -> None:
    with endpoint(socket.SOCK_DGRAM) as near:
        ip, port = near.getsockname()
        with below([sys.executable, "-c", PROGRAM, ip, str(port)], os.environ) as calls:
            near.connect(near.recvfrom(64)[1])
            calls.trace()
            calls.take()
            with calls.held():
                for _ in range(BURST):
                    near.send(b"ask")
            assert [near.recv(64) for _ in range(BURST)] == [b"answer"] * BURST
            counted = calls.take()
    assert counted == {"epoll_wait": BURST, "recvfrom": BURST, "getpid": 3 * BURST, "sendto": BURST}


def test_the_table_of_open_files_is_as_large_as_it_may_get_from_the_start(stage: Stage) -> None:
    """One that grows makes a process with threads wait for all processors, by tens of milliseconds."""
    limits = Path(f"/proc/{stage.pid}/limits").read_text()
    soft = int(next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3])
    status = Path(f"/proc/{stage.pid}/status").read_text()
    size = int(next(line for line in status.splitlines() if line.startswith("FDSize")).split()[1])
    assert size >= min(soft, 65536)

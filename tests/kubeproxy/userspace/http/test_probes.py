"""Probes of the endpoints' load over real connections: what is asked, what counts as an answer, and what does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.helpers.kubeproxy.cluster import cluster, connect, receive_all, service, serving, slice_of, until

from kubeproxy.balancers import Backend, Reported
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Endpoint, ServicePortName
from kubeproxy.userspace.http.io.probes import PATIENCE_SECONDS, Probes
from kubeproxy.userspace.http.loadreport import read_report

VIP, A, B, PORT = "127.97.0.1", "127.245.0.1", "127.245.0.2", 20080
WEB = ServicePortName("default", "web", "", "TCP")


@pytest.mark.parametrize(
    ("body", "reported"),
    [
        (b'{"rif": 3, "latency_ms": 12.5}', Reported(3, 0.0125)),
        (b'{"latency_ms": 0, "rif": 0, "more": 1}', Reported(0, 0.0)),
        (b'{"rif": -1, "latency_ms": 1}', None),
        (b'{"rif": true, "latency_ms": 1}', None),
        (b'{"rif": 1.5, "latency_ms": 1}', None),
        (b'{"rif": 1, "latency_ms": NaN}', None),
        (b'{"rif": 1, "latency_ms": 1e999}', None),
        (b'{"rif": 1, "latency_ms": 1%s}' % (b"0" * 400), None),
        (b'{"rif": 1%s, "latency_ms": 1}' % (b"0" * 400), None),
        (b'{"rif": 1%s, "latency_ms": 1}' % (b"0" * 5000), None),
        (b'{"rif": 1, "latency_ms": "1"}', None),
        (b"[" * 4000, None),
        (b'{"rif": 1}', None),
        (b"[]", None),
        (b"hello", None),
        (b"\xff", None),
    ],
)
def test_a_report_has_a_count_and_a_latency(body: bytes, reported: Reported | None) -> None:
    assert read_report(body) == reported


class Pod:
    """An endpoint that answers what it is asked with the next of its ``answers``, and then nothing."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.heads: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                if self.answers:
                    writer.write(self.answers.pop(0))


def told(rif: int, more: bytes = b"", latency: int = 10) -> bytes:
    body = b'{"rif": %d, "latency_ms": %d}' % (rif, latency)
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


class Ground:
    def __init__(self, probes: Probes, now: list[float]) -> None:
        self.probes = probes
        self.now = now
        self.heard: list[Reported] = []
        endpoint = Endpoint(A, PORT)
        self.backend = Backend(endpoint, EndpointCounters(WEB, endpoint.address))

    def ask(self) -> None:
        self.probes.probe(self.backend, self._hear)

    def _hear(self, backend: Backend, reported: tuple[int, float], now: float) -> None:
        assert (backend, now) == (self.backend, self.now[0])
        self.heard.append(Reported(*reported))


@contextlib.asynccontextmanager
async def ground(pod: Pod) -> AsyncIterator[Ground]:
    async with serving(A, PORT, pod.serve), cluster(service(), slice_of("web", [A])) as c:
        yield Ground(c.plane._probes, c.now)


async def test_answers_come_over_one_kept_connection() -> None:
    pod = Pod(told(1), told(2))
    async with ground(pod) as g:
        for count in (1, 2):
            g.ask()
            assert len(g.heard) == count - 1
            await until(lambda count=count: len(g.heard) == count)  # type: ignore[misc]  # bound at once
        assert g.heard == [Reported(1, 0.01), Reported(2, 0.01)]
        assert pod.connections == 1
        assert pod.heads[0].startswith(b"GET /load HTTP/1.1\r\nHost: 127.245.0.1:20080\r\n")


async def test_one_that_is_being_asked_is_not_asked_twice_and_is_given_up_after_a_second() -> None:
    pod = Pod()
    async with ground(pod) as g:
        for _ in range(3):
            g.ask()
            await until(lambda: len(pod.heads) == 1)
        g.now[0] += PATIENCE_SECONDS + 0.1
        g.ask()
        assert len(g.probes) == 0
        g.ask()
        assert len(g.probes) == 0
        pod.answers.append(told(4))
        g.now[0] += PATIENCE_SECONDS
        g.ask()
        await until(lambda: g.heard == [Reported(4, 0.01)])
        assert pod.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}{}",
        b"SSH-2.0-x\r\n\r\n",
        b"x" * 5000,
    ],
)
async def test_one_that_serves_no_load_is_left_alone_for_a_while(answer: bytes) -> None:
    pod = Pod(answer)
    async with ground(pod) as g:
        g.ask()
        await until(lambda: len(pod.heads) == 1 and not len(g.probes))
        g.ask()
        assert (len(g.probes), g.heard) == (0, [])


async def test_a_connection_that_its_endpoint_ends_after_an_answer_is_made_again() -> None:
    pod = Pod(told(1, b"Connection: close\r\n"), told(2))
    async with ground(pod) as g:
        g.ask()
        await until(lambda: len(g.heard) == 1)
        assert len(g.probes) == 0
        g.ask()
        await until(lambda: len(g.heard) == 2)
        assert pod.connections == 2


async def test_only_so_many_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeproxy.userspace.http.io.probes.MOST_KEPT", 0)
    async with ground(Pod(told(1))) as g:
        g.ask()
        await until(lambda: len(g.heard) == 1)
        assert len(g.probes) == 0


async def test_an_answer_in_pieces_is_put_together() -> None:
    whole, pod = told(7), Pod()

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for place in range(len(whole)):
            writer.write(whole[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0)

    pod.serve = dribble  # type: ignore[method-assign]
    async with ground(pod) as g:
        g.ask()
        await until(lambda: g.heard == [Reported(7, 0.01)])


async def test_one_that_refuses_is_left_alone_and_one_that_leaves_is_forgotten() -> None:
    async with cluster(service(), slice_of("web", [A])) as c:
        g = Ground(c.plane._probes, c.now)
        g.ask()
        assert len(g.probes) == 0
        g.now[0] += PATIENCE_SECONDS
        async with serving(A, PORT, Pod(told(1)).serve):
            g.ask()
            await until(lambda: len(g.heard) == 1)
            c.put(slice_of("web", [B]))
            await until(lambda: not len(g.probes))


async def test_prequal_by_annotation_prefers_the_pod_that_says_it_is_fast() -> None:
    async def pod(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("sockname")[0]
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                is_probe = head.startswith(b"GET /load ")
                writer.write(
                    told(1, latency=900 if name == A else 1) if is_probe else b"HTTP/1.0 200 OK\r\n\r\n" + name.encode()
                )
                if not is_probe:
                    writer.close()

    about = service(annotations={"kubesvc.dev/balancer": "prequal"})
    async with serving(A, PORT, pod), serving(B, PORT, pod), cluster(about, slice_of("web", [A, B])):
        answers = []
        for _ in range(40):
            with contextlib.closing(await connect(VIP)) as sock:
                await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.0\r\n\r\n")
                answers.append((await receive_all(sock))[-1:])
        assert answers.count(b"2") > 30

"""A proxy of several processes: it balances, remembers and counts as one, and outlives each of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import (
    Cluster,
    ask,
    cluster,
    connect,
    echo,
    is_refused,
    naming_endpoints,
    service,
    serving,
    slice_of,
    until,
)
from tests.helpers.kubeproxy.udp import udp_ask, udp_client, udp_endpoint, udp_name
from tests.helpers.objects import build_endpoint
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON
from kubeproxy.config import ProxyConfig
from kubeproxy.rules import Packet
from kubeproxy.telemetry.recent import Follower
from kubeproxy.types import Destination
from kubeproxy.userspace.workers.io.workers import Workers
from kubesvc.network.loopback import LoopbackNetwork, LowPorts

WIDTH = 2
PORT = 20080
VIP, A, B, C = "127.82.31.1", "127.82.32.1", "127.82.32.2", "127.82.32.3"
WEB = Destination(VIP, PORT, "TCP")
ROUND_ROBIN = {"kubesvc.dev/balancer": "round_robin"}
LEAST_CONNECTIONS = {"kubesvc.dev/balancer": "least_connections"}


@contextlib.asynccontextmanager
async def workers(*objects: JSON, width: int = WIDTH) -> AsyncIterator[Cluster]:
    network = LoopbackNetwork("127.82.0.0/16", (), LowPorts(0, has_capability=True))
    config = ProxyConfig(healthz_address=None, metrics_address=("127.82.30.1", 0), workers=width)
    async with cluster(*objects, network=network, config=config) as running:
        yield running


def plane(c: Cluster) -> Workers:
    assert isinstance(c.engine.traffic, Workers)
    return c.engine.traffic


def pids(c: Cluster) -> list[int]:
    return [each.process.pid for each in plane(c)._workers if each.process is not None]


async def records(c: Cluster, count: int) -> list[Any]:
    """The records of all workers, once there are ``count`` that are over."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await plane(c).records()
            if len([each for each in found if each.ended_at is not None]) >= count:
                return found
            await asyncio.sleep(0.01)


async def by_worker(c: Cluster) -> list[int]:
    """How many connections each worker has carried."""
    await plane(c).count()
    counted = [each.counted for each in plane(c)._workers]
    return [sum(each.connections for each in one.endpoints) if one else 0 for one in counted]


async def test_round_robin_is_exact_over_all_workers() -> None:
    async with (
        naming_endpoints(A, B, C),
        workers(service(cluster_ip=VIP, annotations=ROUND_ROBIN), slice_of("web", (A, B, C))) as c,
    ):
        asked = [await ask(VIP) for _ in range(30)]
        assert asked == asked[:3] * 10
        assert set(asked[:3]) == {A, B, C}
        assert min(await by_worker(c)) > 0


async def test_a_set_of_endpoints_that_has_changed_goes_round_exactly_too() -> None:
    async with (
        naming_endpoints(A, B, C),
        workers(service(cluster_ip=VIP, annotations=ROUND_ROBIN), slice_of("web", (A, B))) as c,
    ):
        await ask(VIP)
        c.put(slice_of("web", (A, B, C)))
        await plane_obeys(c)
        asked = [await ask(VIP) for _ in range(12)]
        assert asked == asked[:3] * 4
        assert Counter(asked) == {A: 4, B: 4, C: 4}


async def plane_obeys(c: Cluster) -> None:
    """Return when the workers have obeyed what is in the Store."""
    await c.settle()
    await plane(c).wait_until_applied()


async def test_least_connections_counts_those_of_every_worker() -> None:
    web = service(cluster_ip=VIP, annotations=LEAST_CONNECTIONS)
    async with contextlib.AsyncExitStack() as stack:
        for each in (A, B, C):
            await stack.enter_async_context(serving(each, PORT, echo))
        c = await stack.enter_async_context(workers(web, slice_of("web", (A, B, C))))
        for number in range(1, 13):
            stack.enter_context(contextlib.closing(await connect(VIP)))
            await until_active(c, number)
        counted = await plane(c).count()
        assert sorted(each.active for port in counted.ports.values() for each in port.values()) == [4, 4, 4]
        assert min(await by_worker(c)) > 0


async def until_active(c: Cluster, number: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await plane(c).count()).active != number:
            await asyncio.sleep(0.002)


async def test_a_client_stays_with_its_endpoint() -> None:
    web = service(cluster_ip=VIP, sessionAffinity="ClientIP")
    async with naming_endpoints(A, B, C), workers(web, slice_of("web", (A, B, C))) as c:
        for number in range(1, 9):
            client = f"127.82.33.{number}"
            first = await ask(VIP, source=client)
            assert {await ask(VIP, source=client) for _ in range(5)} == {first}
            trace = await plane(c).trace(Packet(client, WEB))
            assert trace.chosen == f"{first}:{PORT}"
        assert min(await by_worker(c)) > 0


async def test_affinity_that_is_asked_for_later_holds_for_whoever_comes_then() -> None:
    async with naming_endpoints(A, B, C), workers(service(cluster_ip=VIP), slice_of("web", (A, B, C))) as c:
        assert len({await ask(VIP) for _ in range(30)}) == 3
        c.put(service(cluster_ip=VIP, sessionAffinity="ClientIP"))
        await plane_obeys(c)
        assert len({await ask(VIP) for _ in range(12)}) == 1


async def test_metrics_are_those_of_all_workers() -> None:
    async with naming_endpoints(A, B), workers(service(cluster_ip=VIP), slice_of("web", (A, B))) as c:
        for _ in range(20):
            await ask(VIP)
        await records(c, 20)
        counted = await plane(c).count()
        assert sum(each.connections for port in counted.ports.values() for each in port.values()) == 20
        assert counted.active == 0
        (address,) = c.proxy.healthcheck.addresses
        lines = (await read_metrics(address)).splitlines()
        told = [line for line in lines if line.startswith("kubesvc_proxy_connections_total{")]
        assert sum(float(line.split()[-1]) for line in told) == 20


async def read_metrics(address: tuple[str, int]) -> str:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return text


async def test_connections_are_told_of_all_workers_in_the_order_of_their_beginning() -> None:
    async with naming_endpoints(A, B), workers(service(cluster_ip=VIP), slice_of("web", (A, B))) as c:
        clients = [f"127.82.33.{number}" for number in range(1, 13)]
        for each in clients:
            await ask(VIP, source=each)
        assert [each.client for each in await records(c, 12)] == clients
        assert min(await by_worker(c)) > 0


async def test_a_follower_is_told_of_the_connections_of_all_workers_until_it_has_enough() -> None:
    changed, clients = asyncio.Event(), {f"127.82.33.{number}" for number in range(1, 9)}
    async with naming_endpoints(A), workers(service(cluster_ip=VIP), slice_of("web", (A,))) as c:
        follower, told = Follower(changed.set), set[str]()
        stop = plane(c).follow(follower)
        for each in clients:
            await ask(VIP, source=each)
        async with asyncio.timeout(PATIENCE):
            while told != clients:
                await changed.wait()
                changed.clear()
                told |= {each.client for each in follower.take()[0]}
        stop()
        await plane_obeys(c)
        follower.take()
        await ask(VIP)
        await records(c, 9)
        assert follower.take() == ([], 0)


async def test_http_requests_of_one_connection_go_round() -> None:
    web = service(cluster_ip=VIP, annotations={"kubesvc.dev/protocol": "http", **ROUND_ROBIN})
    async with http_named(A, B), workers(web, slice_of("web", (A, B))):
        reader, writer = await asyncio.open_connection(VIP, PORT)
        answers = []
        for _ in range(4):
            writer.write(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            answers.append(await reader.readuntil(b"."))
        writer.close()
        await writer.wait_closed()
        assert sorted(answers[:2]) == [b"127-82-32-1.", b"127-82-32-2."]
        assert answers[:2] == answers[2:]


@contextlib.asynccontextmanager
async def http_named(*addresses: str) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            body = writer.get_extra_info("sockname")[0].replace(".", "-").encode() + b"."
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await serve(reader, writer)

    async with contextlib.AsyncExitStack() as stack:
        for each in addresses:
            await stack.enter_async_context(serving(each, PORT, quiet))
        yield


async def test_a_udp_service_is_one_workers_and_its_flows_keep_their_endpoint() -> None:
    dns = {"name": "dns", "port": PORT, "protocol": "UDP"}
    listed = slice_of("dns", (A, B)) | {"ports": [dns]}
    with udp_endpoint(A, udp_name(A), PORT), udp_endpoint(B, udp_name(B), PORT):
        async with workers(service("dns", VIP, ports=[dns]), listed):
            hosts = set()
            for _ in range(12):
                with udp_client((VIP, PORT), ("127.82.33.1", 0)) as client:
                    first = (await udp_ask(client)).decode()
                    assert {(await udp_ask(client)).decode() for _ in range(3)} == {first}
                    hosts.add(first)
            assert hosts == {A, B}


async def test_who_is_not_to_be_heard_is_dropped_and_the_others_are_spread() -> None:
    web = service(
        cluster_ip=VIP,
        type="LoadBalancer",
        loadBalancerSourceRanges=["127.82.33.0/24"],
        status={"loadBalancer": {"ingress": [{"ip": "127.82.34.1"}]}},
    )
    async with naming_endpoints(A), workers(web, slice_of("web", (A,))) as c:
        for number in range(1, 13):
            assert await ask("127.82.34.1", source=f"127.82.33.{number}") == A
        assert min(await by_worker(c)) > 0
        for _ in range(4):
            with socket.socket() as stranger, pytest.raises(TimeoutError):
                stranger.settimeout(0.2)
                stranger.bind(("127.82.35.1", 0))
                stranger.connect(("127.82.34.1", PORT))


async def test_a_service_without_endpoints_refuses_and_serves_again_when_it_has_some() -> None:
    async with naming_endpoints(A), workers(service(cluster_ip=VIP), slice_of("web", (A,))) as c:
        for _ in range(3):
            assert await ask(VIP) == A
            c.put(slice_of("web", (build_endpoint(A, ready=False),)))
            await plane_obeys(c)
            assert await is_refused(VIP)
            c.put(slice_of("web", (A,)))
            await until(lambda: c.is_bound(VIP))


async def test_a_service_that_is_closed_and_opened_at_once_waits_for_the_workers_and_serves() -> None:
    async with naming_endpoints(A), workers(service(cluster_ip=VIP), slice_of("web", (A,))) as c:
        for name in ("api", "web", "api", "web"):
            other = "web" if name == "api" else "api"
            if other != name and c.status(VIP, other):
                c.delete(other)
            c.put(service(name, VIP))
            c.put(slice_of(name, (A,)))
            await until(lambda name=name: c.is_bound(VIP, name))  # type: ignore[misc]  # bound at once
            assert await ask(VIP) == A
        assert not c.events


async def test_a_worker_that_dies_is_followed_by_one_that_goes_on_and_nobody_is_refused() -> None:
    async with naming_endpoints(A, B), workers(service(cluster_ip=VIP), slice_of("web", (A, B))) as c:
        before = pids(c)
        os.kill(before[0], signal.SIGKILL)
        assert {await ask(VIP) for _ in range(30)} == {A, B}
        await until(lambda: len(pids(c)) == WIDTH and before[0] not in pids(c))
        assert before[1] in pids(c)
        (problem,) = c.proxy.problems()
        assert problem == "worker 0 of the proxy has died once, last by signal 9, and was started again"
        c.put(slice_of("web", (B,)))
        await plane_obeys(c)
        assert {await ask(VIP) for _ in range(12)} == {B}


async def test_what_a_dead_worker_had_told_is_still_counted_but_its_connections_are_over() -> None:
    web = service(cluster_ip=VIP, annotations=LEAST_CONNECTIONS)
    async with serving(A, PORT, echo), workers(web, slice_of("web", (A,))) as c:
        clients = [await connect(VIP) for _ in range(8)]
        await until_active(c, 8)
        os.kill(pids(c)[0], signal.SIGKILL)
        await until(lambda: bool(c.proxy.problems()))
        await plane_obeys(c)
        counted = await plane(c).count()
        (only,) = [each for port in counted.ports.values() for each in port.values()]
        assert only.connections == 8
        assert only.active == counted.active == (await by_worker(c))[1] < 8
        for each in clients:
            each.close()


async def test_a_worker_has_room_for_all_its_files_from_the_start() -> None:
    async with naming_endpoints(A), workers(service(cluster_ip=VIP), slice_of("web", (A,))) as c:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        for pid in pids(c):
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            (size,) = (int(line.split()[1]) for line in status if line.startswith("FDSize"))
            assert size >= min(soft, 65536)


async def test_the_workers_end_with_the_proxy() -> None:
    async with naming_endpoints(A), workers(service(cluster_ip=VIP), slice_of("web", (A,))) as c:
        alive = pids(c)
        assert len(alive) == WIDTH
        await ask(VIP)
    assert not [each for each in alive if Path("/proc", str(each)).exists()]
    assert await is_refused(VIP)


async def test_draining_lets_connections_end_and_then_takes_no_more() -> None:
    async with serving(A, PORT, echo), workers(service(cluster_ip=VIP), slice_of("web", (A,))) as c:
        reader, writer = await asyncio.open_connection(VIP, PORT)
        writer.write(b"once")
        assert await reader.readexactly(4) == b"once"
        draining = asyncio.create_task(c.proxy.drain(5))
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):  # refused; reset, if it came in the last instant
                while True:
                    (await connect(VIP)).close()
        writer.write(b"more")
        assert await reader.readexactly(4) == b"more"
        writer.close()
        await writer.wait_closed()
        await draining
        assert not pids(c)


FAULTY_WORKER = """
from kubeproxy.userspace.dataplane import DataPlane

apply = DataPlane._apply

def broken(self, service, rule):
    if rule is not None and rule.service_port.port == 20089:
        raise RuntimeError("boom")
    apply(self, service, rule)

DataPlane._apply = broken
"""


@pytest.mark.usefixtures("wanted_failures")
async def test_a_fault_in_a_worker_costs_one_service_until_that_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAULTY_WORKER)
    network = LoopbackNetwork("127.82.0.0/16", (), LowPorts(0, has_capability=True))
    config = ProxyConfig(
        healthz_address=None, metrics_address=None, workers=WIDTH, worker_environment={"PYTHONPATH": str(tmp_path)}
    )
    objects = (service(cluster_ip=VIP, port=PORT), slice_of(addresses=[A], port=PORT))
    async with naming_endpoints(A), cluster(*objects, network=network, config=config) as c:
        failures = c.proxy.failures
        c.put(service("bad", cluster_ip=B, port=20089))
        await until(lambda: bool(failures.all()))
        (failure,) = failures.all()
        assert str(failure).startswith(
            "kube-proxy (data plane) goes on without Service default/bad: RuntimeError: boom"
        )
        assert "in broken" in caplog.text
        assert await ask(VIP, PORT) == A
        c.put(service("bad", cluster_ip=B, port=20090))
        await until(lambda: not failures.all())

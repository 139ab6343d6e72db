"""Health and metrics: what they say, and what happens when their port is taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket

import aiohttp
import pytest
from tests.helpers.kubeproxy.cluster import ask, cluster, naming_endpoints, service, slice_of, until
from tests.helpers.patience import PATIENCE

from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import Staleness
from kubeproxy.health import Moment, ProxyHealth
from kubeproxy.server import httpserving

VIP, A, B = "127.97.3.1", "127.245.3.1", "127.245.3.2"
SITES = ProxyConfig(healthz_address=("127.97.3.9", 0), metrics_address=("127.97.3.9", 0), node_name="n1")
GO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


async def get(address: tuple[str, int], path: str) -> tuple[int, str, str]:
    """GET: status, content type, body."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{address[0]}:{address[1]}{path}") as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_healthz_and_livez_answer_as_kube_proxys_do() -> None:
    async with cluster(config=SITES) as c:
        health, _ = c.proxy.healthcheck.addresses
        status, content_type, body = await get(health, "/healthz")
        assert (status, content_type) == (200, "application/json")
        state = rf'"healthy":true,"status":\{{"IPv4":\{{"lastUpdated":"{GO_TIME}","healthy":true\}}\}}'
        times = rf'"lastUpdated":"{GO_TIME}","currentTime":"{GO_TIME}"'
        assert re.fullmatch(rf'\{{{times},"nodeEligible":true,{state}\}}', body)
        status, _, body = await get(health, "/livez")
        assert status == 200
        assert json.loads(body).keys() == {"lastUpdated", "currentTime", "healthy", "status"}


async def test_the_metrics_door_has_the_mode_and_its_own_health() -> None:
    async with cluster(config=SITES) as c:
        _, metrics = c.proxy.healthcheck.addresses
        assert (await get(metrics, "/proxyMode"))[::2] == (200, "userspace")
        assert (await get(metrics, "/healthz"))[::2] == (200, "ok")
        assert (await get(metrics, "/healthz?verbose"))[2] == "[+]ping ok\nhealthz check passed\n"


async def test_the_metrics_door_tells_settings_flags_and_versions() -> None:
    async with cluster(config=SITES) as c:
        _, metrics = c.proxy.healthcheck.addresses
        status, content_type, body = await get(metrics, "/configz")
        [(group, settings)] = json.loads(body).items()
        assert (status, content_type, group) == (200, "application/json", "kubeproxy.config.k8s.io")
        assert (settings["kind"], settings["mode"], settings["hostnameOverride"]) == (
            "KubeProxyConfiguration",
            "userspace",
            "n1",
        )
        status, _, text = await get(metrics, "/flagz")
        assert status == 200 and text.startswith("\nkube-proxy flagz\nWarning: ") and "\nproxy-mode=userspace\n" in text
        status, _, text = await get(metrics, "/statusz")
        assert status == 200 and re.search(
            r"\nStarted: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}\nUp: 0 hr 00 min \d\d sec\n"
            r"Binary version: 1\.37\nPaths: /configz /flagz /healthz /metrics /proxyMode /statusz\n$",
            text,
        )


@pytest.mark.parametrize(
    "sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX"], ids=["says nothing", "stops in its head"]
)
async def test_a_client_that_stops_before_its_request_has_ended_is_cut(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(httpserving, "HEAD_SECONDS", 0.2)
    async with cluster(config=SITES) as c, asyncio.timeout(PATIENCE):
        for address in c.proxy.healthcheck.addresses:
            reader, writer = await asyncio.open_connection(*address)
            with contextlib.closing(writer):
                writer.write(sent)
                assert await reader.read() == b""


async def test_metrics_count_what_has_happened() -> None:
    async with naming_endpoints(A), cluster(service(cluster_ip=VIP), slice_of("web", [A]), config=SITES) as c:
        for _ in range(3):
            await ask(VIP)
        await until(lambda: c.plane.connections() == 0)
        health, metrics = c.proxy.healthcheck.addresses
        await get(health, "/healthz")
        _, _, text = await get(metrics, "/metrics")
        labels = f'endpoint="{A}:20080",namespace="default",port="",service="web"'
        lines = {
            re.sub(r"{(.*)} ", lambda found: "{" + ",".join(sorted(found[1].split(","))) + "} ", line)
            for line in text.splitlines()
        }
        moved = f'direction="to_client",{labels}'
        assert f"kubesvc_proxy_connections_total{{{labels}}} 3.0" in lines
        assert f"kubesvc_proxy_active_connections{{{labels}}} 0.0" in lines
        assert f"kubesvc_proxy_bytes_total{{{moved}}} {3.0 * len(A)}" in lines
        assert 'kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1.0' in lines
        assert 'kubeproxy_proxy_healthz_total{code="200"} 1.0' in lines
        assert any(line.startswith("kubeproxy_sync_proxy_rules_last_timestamp_seconds") for line in lines)


async def test_an_endpoint_that_is_gone_and_idle_leaves_the_metrics() -> None:
    async with naming_endpoints(A), cluster(service(cluster_ip=VIP), slice_of("web", [A]), config=SITES) as c:
        await ask(VIP)
        await until(lambda: c.plane.connections() == 0)
        c.put(slice_of("web", [B]))
        await c.settle()
        _, _, text = await get(c.proxy.healthcheck.addresses[1], "/metrics")
        assert A not in text
        assert B in text


async def test_a_taken_door_is_a_problem_with_a_name_and_harms_no_service() -> None:
    with contextlib.closing(socket.create_server(("127.97.3.9", 0))) as taken:
        port = taken.getsockname()[1]
        config = ProxyConfig(healthz_address=("127.97.3.9", port), metrics_address=("127.97.3.9", 0))
        async with naming_endpoints(A), cluster(service(cluster_ip=VIP), slice_of("web", [A]), config=config) as c:
            (problem,) = c.proxy.problems()
            assert problem.startswith(f"/healthz is not served: 127.97.3.9:{port} is already in use by ")
            assert problem.endswith("; proxy.healthzBindAddress in the configuration sets another address")
            assert await ask(VIP) == A
            assert len(c.proxy.healthcheck.addresses) == 1


async def test_an_unknown_default_balancer_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"unknown balancer 'fastest': supported values: .*least_connections"):
        async with cluster(config=ProxyConfig(default_balancer="fastest")):
            pass


@pytest.mark.parametrize(
    ("queued", "synced", "now", "status"),
    [
        pytest.param(None, None, 500, 200, id="starting"),
        pytest.param(None, 10, 500, 200, id="nothing-waits"),
        pytest.param(490, 10, 500, 200, id="a-change-waits-not-long"),
        pytest.param(440, 10, 500, 503, id="a-change-has-waited-too-long"),
    ],
)
def test_health_is_whether_changes_wait_too_long(
    queued: float | None, synced: float | None, now: float, status: int
) -> None:
    health = ProxyHealth()
    if synced is not None:
        health.synced(Moment(synced, synced))
    if queued is not None:
        health.queued(Moment(queued, queued))
        health.queued(Moment(queued + 1, queued + 1))
    answered, body = health.body(Moment(now, now), is_node_eligible=True)
    assert answered == status
    assert json.loads(body)["lastUpdated"] == str(Moment(now, now) if status == 200 else Moment(10, 10))


def test_a_node_that_is_not_eligible_is_unhealthy_but_alive() -> None:
    health, now = ProxyHealth(), Moment(1.5, 1.25)
    assert health.body(now, is_node_eligible=False)[0] == 503
    assert health.body(now, is_node_eligible=None) == (
        200,
        '{"lastUpdated":"1970-01-01T00:00:01.5Z","currentTime":"1970-01-01T00:00:01.5Z","healthy":true}',
    )


@pytest.mark.parametrize(
    ("stale", "said"),
    [
        pytest.param(None, {}, id="in touch"),
        pytest.param(
            Staleness(12.5, "services: gone"),
            {"knowledgeAgeSeconds": 12.5, "knowledgeProblem": "services: gone"},
            id="away",
        ),
        pytest.param(
            Staleness(float("inf"), "x"), {"knowledgeAgeSeconds": None, "knowledgeProblem": "x"}, id="never there"
        ),
    ],
)
def test_a_source_that_is_away_is_told_and_leaves_the_proxy_healthy(
    stale: Staleness | None, said: dict[str, object]
) -> None:
    status, body = ProxyHealth().body(Moment(1.5, 1.25), stale, is_node_eligible=True)
    found = json.loads(body)
    assert status == 200
    assert {name: found[name] for name in found if name.startswith("knowledge")} == said


@pytest.mark.usefixtures("wanted_failures")
async def test_a_verbose_healthz_names_what_the_proxy_goes_on_without() -> None:
    async with cluster(config=SITES) as c:
        _, metrics = c.proxy.healthcheck.addresses
        broken = service("broken")
        c.put({**broken, "spec": {**broken["spec"], "ports": [{}]}})
        await until(lambda: bool(c.proxy.failures.all()))
        status, _, body = await get(metrics, "/healthz?verbose")
    assert status == 200
    assert "[+]kube-proxy ok, but kube-proxy goes on without Service default/broken: KeyError: 'port';" in body

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any, cast

import pytest
from tests.helpers.kubesvc.control import NOT_FOUND, FakeCluster, ask, raw_request, served
from tests.helpers.patience import PATIENCE

from kubeapi.meta import ObjectKey
from kubeapi.podoptions import PodLogOptions
from kubeapi.status import StatusError
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from kubesvc.run.cluster import Cluster
from kubesvc.run.control.server import ControlServer, read_apply, read_log_query, read_scale
from kubesvc.state.directory import StateDirectory


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory("shop", tmp_path)


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"pod": "web"}, (ObjectKey("default", "web"), PodLogOptions()), id="defaults"),
        pytest.param(
            {
                "namespace": "shop",
                "pod": "web",
                "container": "app",
                "follow": "true",
                "previous": "true",
                "timestamps": "true",
                "tailLines": "10",
            },
            (ObjectKey("shop", "web"), PodLogOptions("app", True, True, None, 10, True)),
            id="everything",
        ),
        pytest.param(
            {"pod": "web", "follow": "false", "tailLines": "0"},
            (ObjectKey("default", "web"), PodLogOptions(tail_lines=0)),
            id="false-is-no-and-0-is-a-number",
        ),
    ],
)
def test_a_log_query_is_read(query: dict[str, str], expected: tuple[ObjectKey, PodLogOptions]) -> None:
    assert read_log_query(query) == expected


@pytest.mark.parametrize("tail", ["-1", "x", "1.5", "١", " 1", "1_0"])
def test_a_tail_that_is_no_number_is_a_bad_request(tail: str) -> None:
    with pytest.raises(StatusError, match=r"tailLines: Invalid value: .*greater than or equal to 0") as caught:
        read_log_query({"pod": "web", "tailLines": tail})
    assert caught.value.code == 400


GOOD: dict[str, Any] = {"kind": "deployment", "namespace": "default", "name": "web", "replicas": 3}


def test_a_scale_is_read() -> None:
    assert read_scale(GOOD) == ("deployment", "default", "web", 3)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="nothing"),
        pytest.param([GOOD], id="list"),
        pytest.param({}, id="empty"),
        pytest.param({**GOOD, "replicas": "3"}, id="text"),
        pytest.param({**GOOD, "replicas": 1.5}, id="fraction"),
        pytest.param({**GOOD, "replicas": True}, id="boolean"),
        pytest.param({**GOOD, "name": 1}, id="name-is-a-number"),
        pytest.param({key: value for key, value in GOOD.items() if key != "kind"}, id="no-kind"),
    ],
)
def test_a_scale_that_is_none_is_a_bad_request(body: object) -> None:
    with pytest.raises(StatusError, match="want JSON with kind, namespace, name and an integer of replicas") as caught:
        read_scale(body)
    assert caught.value.code == 400


async def test_the_status_is_the_clusters_document(state: StateDirectory) -> None:
    async with served(FakeCluster(), state):
        assert await ask(state, lambda client: client.status()) == {"name": "shop", "services": []}


async def test_questions_why_reach_the_diagnosis(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        assert await ask(state, lambda client: client.explain("shop", "a/b&c")) == {
            "asked": ["explain", "shop", "a/b&c"]
        }
        head = "GET /a&b HTTP/1.1\r\n\r\n"
        asked = await ask(state, lambda client: client.trace("shop", "pod/a", "svc/web:80/udp", head))
        assert asked == {"asked": ["trace", "shop", "pod/a", "svc/web:80/udp", head]}
        assert await ask(state, lambda client: client.trace_dns("shop", "web", "SRV")) == {
            "asked": ["trace_dns", "shop", "web", "SRV"]
        }
        assert await ask(state, lambda client: client.connections("shop", "web")) == {
            "asked": ["connections", "shop", "web"]
        }
        assert await ask(state, lambda client: list(client.follow_connections("shop"))) == [
            {"asked": ["follow", "shop", ""]},
            {"missed": 2},
        ]
        cluster.diagnosis.refusal = NOT_FOUND
        with pytest.raises(RefusedError, match="not found"):
            await ask(state, lambda client: client.explain("shop", "web"))


async def test_objects_to_apply_reach_the_cluster_and_what_becomes_of_them_the_client(state: StateDirectory) -> None:
    large = {"kind": "ConfigMap", "data": {"a": "x" * 2**21}}
    async with served(FakeCluster(), state):
        assert await ask(state, lambda client: list(client.apply([large], 2.5))) == [
            {"applied": ["ConfigMap"], "refused": []},
            {"ready": True, "timeout": 2.5},
        ]


@pytest.mark.parametrize("body", [None, [], {}, {"objects": {}, "timeout": 1}, {"objects": [], "timeout": "1s"}])
def test_an_apply_that_is_none_is_a_bad_request(body: object) -> None:
    with pytest.raises(StatusError) as caught:
        read_apply(body)
    assert caught.value.code == 400


async def test_a_cluster_that_stops_refuses_to_apply(state: StateDirectory) -> None:
    cluster = FakeCluster()
    cluster.refusal = StatusError(503, "ServiceUnavailable", "it is stopping")
    async with served(cluster, state):
        with pytest.raises(RefusedError, match=r"^it is stopping$"):
            await ask(state, lambda client: list(client.apply([], 0)))


async def test_which_pod_is_meant_is_the_clusters_choice(state: StateDirectory) -> None:
    async with served(FakeCluster(), state):
        assert await ask(state, lambda client: client.choose_pod("shop", "deployment/web")) == {
            "pod": "shop-deployment/web",
            "matching": 2,
        }


async def test_a_scale_reaches_the_cluster(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        await ask(state, lambda client: client.scale("deployment", "default", "web", 5))
    assert cluster.scaled == [("deployment", "default", "web", 5)]


async def test_a_refusal_is_the_text_of_its_status(state: StateDirectory) -> None:
    cluster = FakeCluster()
    cluster.refusal = NOT_FOUND
    async with served(cluster, state):
        with pytest.raises(RefusedError, match=r'^deployments\.apps "web" not found$'):
            await ask(state, lambda client: client.scale("deployment", "default", "web", 5))
        with pytest.raises(RefusedError, match=r'^deployments\.apps "web" not found$'):
            await ask(state, lambda client: list(client.logs(pod="web")))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"kind": "deployment"}', b"\xff\xfe"])
async def test_a_scale_that_is_no_json_is_a_400(state: StateDirectory, body: bytes) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        answer = await raw_request(state, post("/v1/scale", body))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"want JSON with kind, namespace, name and an integer of replicas")
    assert cluster.scaled == []


async def test_a_bad_tail_is_a_400_and_begins_no_log(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        with pytest.raises(RefusedError, match="tailLines"):
            await ask(state, lambda client: list(client.logs(pod="web", tailLines="many")))
    assert cluster.queries == []


@pytest.mark.usefixtures("wanted_failures")
async def test_what_nobody_foresaw_is_one_line_and_in_the_log(
    state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = FakeCluster()
    cluster.refusal = ZeroDivisionError("oops")
    async with served(cluster, state):
        with caplog.at_level(logging.ERROR), pytest.raises(RefusedError, match=r"^internal error; its details"):
            await ask(state, lambda client: client.status())
    assert "ZeroDivisionError: oops" in caplog.text


async def test_an_unknown_path_is_refused(state: StateDirectory) -> None:
    async with served(FakeCluster(), state):
        answer = await raw_request(state, post("/v2/status", b""))
    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_a_log_is_streamed_to_its_end(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        chunks = await ask(state, lambda client: list(client.logs(pod="web", tailLines="2")))
    assert b"".join(chunks) == b"one\ntwo\n"
    [(_, options)] = cluster.queries
    assert options.tail_lines == 2
    assert cluster.followers == 0


async def test_a_client_that_goes_away_leaves_no_follower(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        chunks = ControlClient(state).logs(pod="web", follow="true")
        assert await asyncio.to_thread(next, chunks) == b"one\n"
        await cluster.has_followers.wait()
        await asyncio.to_thread(chunks.close)
        async with asyncio.timeout(PATIENCE):
            await cluster.has_no_followers.wait()


async def test_a_follower_of_a_silent_pod_is_answered_at_once(state: StateDirectory) -> None:
    cluster = FakeCluster()
    cluster.log = []
    async with served(cluster, state):
        reader, writer = await asyncio.open_unix_connection(sock=state.connect_socket(None))
        writer.write(b"GET /v1/logs?pod=web&follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await asyncio.wait_for(reader.readline(), PATIENCE) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()


async def test_closing_the_server_ends_its_followers(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state) as server:
        chunks = ControlClient(state).logs(pod="web", follow="true")
        assert await asyncio.to_thread(next, chunks) == b"one\n"
        await server.close()
        assert cluster.followers == 0
        with pytest.raises(UnreachableError, match=r'^cluster "shop" closed the connection while it answered$'):
            await asyncio.to_thread(list, chunks)


async def test_stop_tells_the_cluster_to_stop(state: StateDirectory) -> None:
    cluster = FakeCluster()
    async with served(cluster, state):
        await ask(state, lambda client: client.stop())
    assert cluster.stop.is_set()


async def test_garbage_harms_nobody(state: StateDirectory) -> None:
    async with served(FakeCluster(), state):
        assert (await raw_request(state, b"\x16\x03\x01 garbage\r\n\r\n")).startswith(b"HTTP/1.0 400 ")
        assert await ask(state, lambda client: client.status())


async def test_a_server_that_never_started_closes(state: StateDirectory) -> None:
    cluster = FakeCluster()
    await ControlServer(cast("Cluster", cluster), cluster.stop.set).close()
    assert not state.control_socket.exists()


def test_the_socket_family_is_unix_so_that_no_web_page_reaches_it(state: StateDirectory) -> None:
    state.path.mkdir(exist_ok=True)
    with state.bind_socket() as listener:
        assert listener.family is socket.AF_UNIX

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubeproxy.telemetry.recent import ConnectionRecord, RecentConnections, RequestRecord
from kubeproxy.types import Choice, Destination, Endpoint, Route, ServicePortName
from kubesvc.terminal.text.connections import HEADERS, ConnectionLines, connection_table
from kubesvc.why.connections import Clocks, Connections

WEB = Destination("127.96.0.20", 80, "TCP")
ROUTE = Route(ServicePortName("default", "web", "http", "TCP"), "node-1", is_local=False)
ENDPOINT = Endpoint("127.244.1.2", 8080, target="web-1")


class Kept:
    """The records of a ring, as a proxy's plane gives them."""

    def __init__(self, ring: RecentConnections) -> None:
        self._ring = ring
        self.follow = ring.follow

    async def records(self) -> list[ConnectionRecord]:
        return self._ring.records()


class Ring:
    """A ring with clocks that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.ring = RecentConnections(lambda: self.now)
        clocks = Clocks(lambda: self.now, lambda: 1_700_000_000.0 + self.now)
        self.connections = Connections(Kept(self.ring), lambda _: "random", clocks)

    def begin(self, protocol: str = "tcp", client: str = "127.0.0.1", route: Route = ROUTE) -> ConnectionRecord:
        record = self.ring.began(protocol, client, 40000, WEB, route)
        record.choice = Choice(ENDPOINT, is_pinned=False, among=3)
        return record

    def begin_request(self, client: str = "127.0.0.1") -> RequestRecord:
        record = self.ring.began_request(client, 40000, WEB, ROUTE)
        record.choice = Choice(ENDPOINT, is_pinned=False, among=3)
        return record

    def only(self) -> dict[str, Any]:
        (document,) = self.documents()
        return document

    def documents(self) -> list[dict[str, Any]]:
        return asyncio.run(self.connections.documents())


def test_a_connection_is_told_with_its_decision() -> None:
    ring = Ring()
    record = ring.begin()
    ring.now += 1.5
    record.bytes_to_endpoint, record.bytes_to_client = 78, 881
    ring.ring.ended(record)
    ring.now += 60
    assert ring.only() == {
        "time": "2023-11-14T22:15:00.000Z",
        "protocol": "tcp",
        "client": "127.0.0.1",
        "clientPort": 40000,
        "address": "127.96.0.20",
        "port": 80,
        "service": "default/web",
        "portName": "http",
        "node": "node-1",
        "endpoint": "127.244.1.2:8080",
        "pod": "web-1",
        "algorithm": "random",
        "why": "random of 3",
        "hashed": "",
        "failures": [],
        "state": "closed",
        "seconds": 1.5,
        "bytesToEndpoint": 78,
        "bytesToClient": 881,
        "method": "",
        "target": "",
        "status": 0,
    }


def test_one_to_a_pod_itself_names_no_service() -> None:
    ring = Ring()
    ring.begin(route=ROUTE._replace(port_name=ServicePortName("default", "pod/web-1", "8080", "TCP")))
    told = ring.only()
    assert (told["service"], told["pod"], told["why"]) == ("", "web-1", "the pod itself")


def test_one_that_lasts_is_open_and_grows_older() -> None:
    ring = Ring()
    ring.begin()
    ring.now += 7
    assert (ring.only()["state"], ring.only()["seconds"]) == ("open", 7.0)


def pinned(ring: Ring) -> None:
    ring.begin().choice = Choice(ENDPOINT, is_pinned=True, among=3)


def retried(ring: Ring) -> None:
    record = ring.begin()
    record.failed("connect_refused")
    record.choice = Choice(Endpoint("127.244.1.3", 8080), is_pinned=False, among=3)


def by_cookie(ring: Ring) -> None:
    ring.begin_request().choice = Choice(ENDPOINT, is_pinned=True, among=3, by_cookie=True)


def hashed(ring: Ring) -> None:
    ring.begin_request().key = "ada" * 20


def weighed(ring: Ring) -> None:
    ring.begin().choice = Choice(ENDPOINT._replace(weight=5), is_pinned=False, among=3)


def before_the_service_changed(ring: Ring) -> None:
    ring.begin().choice = Choice(ENDPOINT, is_pinned=False, among=3, algorithm="maglev")


def failed(ring: Ring) -> None:
    record = ring.begin()
    record.failed("connect_refused")
    record.failed("connect_refused")
    ring.ring.ended(record, "connect_refused")


def nobody(ring: Ring) -> None:
    record = ring.begin()
    record.choice = None
    ring.ring.ended(record, "no_endpoints")


WHY = [
    pytest.param(pinned, "pinned", id="pinned"),
    pytest.param(by_cookie, "cookie", id="cookie"),
    pytest.param(hashed, "random of 3, 'adaadaadaadaadaadaadaadaadaada'", id="hashed"),
    pytest.param(weighed, "random of 3, weight 5", id="weighed"),
    pytest.param(before_the_service_changed, "maglev of 3", id="by an algorithm of before"),
    pytest.param(retried, "retried after 127.244.1.2:8080 connect_refused", id="retried"),
    pytest.param(failed, "2 attempts failed", id="failed"),
    pytest.param(nobody, "no endpoint", id="nobody"),
    pytest.param(lambda ring: ring.begin(route=ROUTE._replace(is_local=True)), "random of 3, local", id="local"),
]


@pytest.mark.parametrize(("happens", "why"), WHY)
def test_why_an_endpoint_was_chosen_is_said(happens: Any, why: str) -> None:
    ring = Ring()
    happens(ring)
    assert ring.only()["why"] == why


@pytest.mark.looptime
async def test_a_follower_gets_what_is_kept_and_then_each_change() -> None:
    ring = Ring()
    ring.ring.ended(ring.begin(client="127.0.0.1"))
    follower = ring.connections.follow()
    assert (await anext(follower))["client"] == "127.0.0.1"
    following = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(5)
    assert not following.done()
    second = ring.begin(client="127.0.0.2")
    assert ((await following)["client"], (await following)["state"]) == ("127.0.0.2", "open")
    following = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(1)
    ring.ring.ended(second)
    assert ((await following)["client"], (await following)["state"]) == ("127.0.0.2", "closed")
    await follower.aclose()


@pytest.mark.looptime
async def test_a_short_connection_is_told_once_and_whole() -> None:
    ring = Ring()
    follower = ring.connections.follow()
    following = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(1)
    record = ring.begin()
    await asyncio.sleep(0.05)
    ring.ring.ended(record)
    assert (await following)["state"] == "closed"
    following = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(1)
    assert not following.done()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await follower.aclose()


@pytest.mark.looptime
async def test_a_follower_that_cannot_keep_up_is_told_how_many_it_missed() -> None:
    ring = Ring()
    follower = ring.connections.follow()
    following = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(1)
    for _ in range(1012):
        ring.begin()
    documents = [await following, *[await anext(follower) for _ in range(1000)]]
    assert documents[-1] == {"missed": 12}
    assert ConnectionLines([]).line(documents[-1]) == "... 12 missed"
    await follower.aclose()


def test_the_table_has_a_line_for_each_and_http_requests_as_such() -> None:
    ring = Ring()
    ring.ring.ended(ring.begin())
    request = ring.begin_request()
    request.method, request.target, request.status = "GET", "/index.html", 200
    lines = connection_table(ring.documents()).split("\n")
    assert lines[0].split() == HEADERS
    shown = "127.0.0.1 127.96.0.20:80/tcp default/web:http node-1 127.244.1.2:8080 (web-1) random of 3 closed 0/0 0.000"
    assert " ".join(lines[1].split()[1:]) == shown
    assert lines[2].endswith("GET /index.html 200")
    one_by_one = ConnectionLines([])
    assert [line.split() for line in lines[1:]] == [one_by_one.line(each).split() for each in ring.documents()]


def test_lines_that_come_one_by_one_are_below_one_another() -> None:
    ring = Ring()
    ring.ring.ended(ring.begin())
    ring.ring.ended(ring.begin(client="127.244.100.100"), "connect_refused")
    ring.begin(route=ROUTE._replace(node="a-node-with-a-long-name"))
    known = ring.documents()
    lines = ConnectionLines(known)
    shown, states = [lines.header(), *map(lines.line, known)], ["STATE", "closed", "connect_refused", "open"]
    assert len({line.index(state) for line, state in zip(shown, states, strict=True)}) == 1
    request = ring.begin_request("fd00:10:244:1::abcd")
    request.method, request.target = "GET", "/a"
    wider = lines.line(ring.documents()[-1])
    assert lines.line(known[0]).index("closed") == wider.index("open") > shown[0].index("STATE")
    assert lines.line(known[0]).startswith(shown[1][:20])


def test_connections_are_those_of_a_service_or_a_namespace() -> None:
    ring = Ring()
    for name in ("default/web", "default/api", "shop/web"):
        namespace, _, service = name.partition("/")
        ring.begin(route=ROUTE._replace(port_name=ServicePortName(namespace, service, "http", "TCP")))

    def told(*wanted: str) -> list[str]:
        return [each["service"] for each in asyncio.run(ring.connections.documents(*wanted))]

    assert told() == ["default/web", "default/api", "shop/web"]
    assert told("default") == ["default/web", "default/api"]
    assert told("default", "web") == ["default/web"]


def test_without_connections_there_is_no_table() -> None:
    assert connection_table([]) == "No connections."

"""Which endpoint a connection gets: affinity before the algorithm, and what survives a change."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from kubeproxy.balancers import Asking, Inputs, OwnTurns, at_once, own_load
from kubeproxy.loadbalancing.cookies import session_id
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer, Shared
from kubeproxy.rules import port_rule
from kubeproxy.rules.nodes import Nodes
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.outcomes import Result
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName

WEB = ServicePortName("default", "web", "http", "TCP")
METRICS = ServicePortName("default", "web", "metrics", "TCP")
VIP = Destination("127.97.0.1", 80, "TCP")
A, B, C = (Endpoint(f"127.245.5.{number}", 80) for number in (1, 2, 3))


class Fixture:
    """A load balancer with a clock in hand."""

    def __init__(self, default: str = "round_robin", shared: Shared | None = None) -> None:
        self.now = 1000.0
        self.counters = ProxyCounters()
        rng = random.Random(3)
        self.balancer = LoadBalancer(default, self.counters, clock=lambda: self.now, rng=rng, shared=shared)

    def rule(self, *endpoints: Endpoint, name: ServicePortName = WEB, affinity: int = 0, balancer: str = "") -> None:
        port = ServicePort(name, ("", 1), ("127.97.0.1",), 80, affinity_seconds=affinity, balancer=balancer)
        self.balancer.update(name, port_rule(port, endpoints, Nodes()))

    def pick(
        self, client: str = "c", *avoid: Endpoint, name: ServicePortName = WEB, node: str = "n1"
    ) -> Endpoint | None:
        route = Route(name, node, is_local=False)
        choice = self.balancer.next_endpoint(route, Asking(client, VIP), [each.address for each in avoid])
        return choice.endpoint if choice else None


class AloneAmongSeveral:
    """What processes share, of which only one has clients."""

    def inputs(self, route: Route) -> Inputs:
        return Inputs(random.Random(3), own_load, OwnTurns(), float)


def test_a_pinned_client_keeps_an_endpoint_that_is_drained_and_another_client_does_not_get_it() -> None:
    fixture = Fixture()
    fixture.rule(A, B, affinity=60)
    (kept,) = {fixture.pick("c") for _ in range(3)} - {None}
    drained = [each._replace(weight=0) if each == kept else each for each in (A, B)]
    fixture.rule(*drained, affinity=60)
    assert fixture.pick("c") in drained
    assert fixture.pick("c") not in (A, B)
    assert {fixture.pick(f"other-{number}") for number in range(5)} == {A, B} - {kept}


class WithCookie:
    """A load balancer of a Service port of HTTP that has an affinity cookie, perhaps with pins by address."""

    route = Route(WEB, "n1", is_local=False)

    def __init__(self, *endpoints: Endpoint, affinity: int = 0, options: str = "") -> None:
        self.counters = ProxyCounters()
        self.balancer = LoadBalancer("round_robin", self.counters, clock=lambda: 1000.0, rng=random.Random(3))
        self.affinity, self.options = affinity, options
        self.update(*endpoints)

    def update(self, *endpoints: Endpoint) -> None:
        port = ServicePort(
            WEB,
            ("", 1),
            ("127.97.0.1",),
            80,
            is_http=True,
            affinity_cookie="id",
            affinity_seconds=self.affinity,
            balancer_options=self.options,
        )
        self.balancer.update(WEB, port_rule(port, endpoints, Nodes()))

    def pick(self, cookie: Endpoint | str = "", *avoid: Endpoint) -> tuple[Endpoint, bool]:
        """Return the endpoint for a request with the cookie of an endpoint, and whether the cookie has chosen it."""
        session = cookie if isinstance(cookie, str) else session_id(WEB, cookie.address)
        asking = Asking("c", VIP, session=session)
        choice = self.balancer.next_endpoint(self.route, asking, [each.address for each in avoid])
        assert choice is not None
        return choice.endpoint, choice.by_cookie


def test_a_cookie_keeps_a_client_at_its_endpoint_while_that_is_there_drained_or_not() -> None:
    fixture = WithCookie(A, B, C)
    assert {fixture.pick(B) for _ in range(5)} == {(B, True)}
    drained = B._replace(weight=0)
    fixture.update(A, drained, C)
    assert fixture.pick(B) == (drained, True)
    assert {fixture.pick()[0] for _ in range(6)} == {A, C}
    fixture.update(A, C)
    assert fixture.pick(B)[1] is False


@pytest.mark.parametrize("session", ["", "x", "é" * 100, session_id(METRICS, B.address)])
def test_a_cookie_of_nobody_is_as_none(session: str) -> None:
    fixture = WithCookie(A, B, C)
    picks = [fixture.pick(session) for _ in range(3)]
    assert {each for each, _ in picks} == {A, B, C}
    assert not any(by_cookie for _, by_cookie in picks)


def test_an_endpoint_that_has_failed_is_not_chosen_by_its_cookie_again() -> None:
    assert WithCookie(A, B).pick(A, A) == (B, False)


def test_neither_a_cookie_nor_a_pin_leads_to_an_endpoint_that_is_ejected() -> None:
    fixture = WithCookie(A, B, C, affinity=60, options='{"outlier_detection": true, "always_eject_one_host": true}')
    first, _ = fixture.pick()
    assert fixture.pick(first) == (first, True)
    for _ in range(5):
        fixture.counters.endpoint(WEB, first.address).completed(Result.SERVER_ERROR)
    others = {A, B, C} - {first}
    assert fixture.pick(first)[0] in others
    assert fixture.pick()[0] in others
    assert fixture.balancer.left_out(fixture.route, first.address).startswith("ejected")


def test_a_cookie_goes_before_the_pin_of_the_address_and_moves_it() -> None:
    fixture = WithCookie(A, B, C, affinity=60)
    first, _ = fixture.pick()
    assert {fixture.pick() for _ in range(3)} == {(first, False)}
    other = next(each for each in (A, B, C) if each != first)
    assert fixture.pick(other) == (other, True)
    assert fixture.pick() == (other, False)


@pytest.mark.parametrize(("shared", "at_first"), [(None, True), (AloneAmongSeveral(), False)])
def test_a_route_is_unused_until_a_choice_and_never_where_another_process_may_have_chosen(
    shared: Shared | None, at_first: bool
) -> None:
    fixture = Fixture(shared=shared)
    fixture.rule(A, B)
    route = Route(WEB, "n1", is_local=False)
    assert fixture.balancer.is_unused(route) is at_first
    fixture.pick()
    assert not fixture.balancer.is_unused(route)


@pytest.mark.parametrize("balancer", ["maglev", "nginx_consistent_hash", "ring_hash"])
def test_a_table_is_there_before_the_first_client_and_all_routes_take_it(balancer: str) -> None:
    fixture = Fixture()
    waiting: list[Iterator[None]] = []
    fixture.balancer.work = waiting.append
    fixture.rule(A, B, C, balancer=balancer)
    (steps,) = waiting
    at_once(steps)
    fixture.balancer.work = lambda steps: next(steps, None)
    there = {node: [fixture.pick(f"10.0.0.{number}", node=node) for number in range(40)] for node in ("n1", "n2")}
    assert there["n1"] == there["n2"]
    fixture.balancer.work = at_once
    fixture.rule(A, B, C, name=METRICS, balancer=balancer)
    assert there["n1"] == [fixture.pick(f"10.0.0.{number}", name=METRICS) for number in range(40)]


def test_each_service_port_turns_on_its_own() -> None:
    fixture = Fixture()
    fixture.rule(A, B)
    fixture.rule(A, B, name=METRICS)
    first = fixture.pick()
    fixture.pick(name=METRICS)
    assert fixture.pick() != first


def test_each_nodes_proxy_turns_on_its_own() -> None:
    fixture = Fixture()
    fixture.rule(A, B)
    assert {fixture.pick(), fixture.pick()} == {A, B}
    there = [fixture.pick(node="n2"), fixture.pick(), fixture.pick(node="n2"), fixture.pick()]
    assert {there[0], there[2]} == {there[1], there[3]} == {A, B}


def test_a_sticky_client_keeps_its_endpoint_and_does_not_advance_the_rotation() -> None:
    fixture = Fixture()
    fixture.rule(A, B, affinity=10)
    mine = fixture.pick("me")
    assert {fixture.pick("me") for _ in range(5)} == {mine}
    assert fixture.pick("you") != mine


def test_every_new_connection_renews_a_pin() -> None:
    fixture = Fixture()
    fixture.rule(A, B, affinity=10)
    mine = fixture.pick()
    for _ in range(5):
        fixture.now += 9
        assert fixture.pick() == mine


def test_two_ports_of_one_service_pin_a_client_apart() -> None:
    fixture = Fixture()
    fixture.rule(A, affinity=10)
    fixture.rule(B, name=METRICS, affinity=10)
    assert (fixture.pick(), fixture.pick(name=METRICS)) == (A, B)


def test_a_failed_attempt_resets_the_pin_and_the_next_endpoint_gets_it() -> None:
    fixture = Fixture()
    fixture.rule(A, B, affinity=10)
    mine = fixture.pick()
    assert mine is not None
    other = fixture.pick("c", mine)
    assert other != mine
    assert fixture.pick() == other


def test_a_client_whose_endpoint_has_left_is_pinned_anew() -> None:
    fixture = Fixture()
    fixture.rule(A, affinity=10)
    assert fixture.pick() == A
    fixture.rule(B, C, affinity=10)
    again = fixture.pick()
    assert again in (B, C)
    assert fixture.pick() == again


def test_a_service_may_change_its_algorithm() -> None:
    fixture = Fixture()
    fixture.rule(A, B, balancer="least_connections")
    fixture.counters.opened(fixture.counters.endpoint(WEB, A.address))
    assert {fixture.pick() for _ in range(4)} == {B}
    fixture.rule(A, B, balancer="round_robin")
    assert {fixture.pick() for _ in range(4)} == {A, B}


def test_what_was_chosen_tells_the_algorithm_of_then() -> None:
    fixture = Fixture()
    fixture.rule(A, B, balancer="maglev")
    before = fixture.balancer.next_endpoint(Route(WEB, "", is_local=False), Asking("127.0.0.1", VIP))
    fixture.rule(A, B, balancer="round_robin", affinity=10)
    after = fixture.balancer.next_endpoint(Route(WEB, "", is_local=False), Asking("127.0.0.1", VIP))
    pinned = fixture.balancer.next_endpoint(Route(WEB, "", is_local=False), Asking("127.0.0.1", VIP))
    assert [each and each.algorithm for each in (before, after, pinned)] == ["maglev", "round_robin", "round_robin"]


def test_an_unknown_algorithm_falls_back_to_the_default() -> None:
    fixture = Fixture()
    fixture.rule(A, B, balancer="fastest")
    assert {fixture.pick() for _ in range(2)} == {A, B}


def test_a_service_port_that_is_gone_has_nothing_to_give() -> None:
    fixture = Fixture()
    fixture.rule(A)
    fixture.balancer.update(WEB, None)
    assert fixture.pick() is None
    assert fixture.counters.ports == {}


def test_counters_of_an_endpoint_that_left_stay_while_it_has_connections() -> None:
    fixture = Fixture()
    fixture.rule(A)
    counters = fixture.counters.endpoint(WEB, A.address)
    fixture.counters.opened(counters)
    fixture.rule(B)
    assert set(fixture.counters.ports[WEB]) == {A.address, B.address}
    fixture.counters.closed(counters)
    assert set(fixture.counters.ports[WEB]) == {B.address}


def test_an_endpoints_counters_go_on_when_only_its_conditions_change() -> None:
    fixture = Fixture()
    fixture.rule(A)
    fixture.counters.endpoint(WEB, A.address).connections += 5
    fixture.rule(A._replace(is_ready=False, is_terminating=True))
    assert fixture.counters.endpoint(WEB, A.address).connections == 5


def test_a_service_port_is_a_value() -> None:
    port = ServicePort(WEB, ("", 1), ("127.97.0.1",), 80)
    assert port._replace(node_port=30080).is_externally_accessible
    assert not port.is_externally_accessible
    assert [str(WEB), str(WEB._replace(port=""))] == ["default/web:http", "default/web"]

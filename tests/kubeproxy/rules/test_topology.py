"""Which endpoints each kind of traffic may use."""

from __future__ import annotations

import pytest

from kubeproxy.rules.nodes import Node
from kubeproxy.rules.topology import categorize_endpoints
from kubeproxy.types import Endpoint, ServicePort, ServicePortName

NAME = ServicePortName("default", "web", "", "TCP")
READY = Endpoint("127.245.0.1", 80)
LOCAL = Endpoint("127.245.0.2", 80, node_name="n1")
LEAVING = Endpoint("127.245.0.3", 80, is_ready=False, is_serving=True, is_terminating=True)
LEAVING_LOCAL = Endpoint("127.245.0.4", 80, is_ready=False, is_terminating=True, node_name="n1")
GONE = Endpoint("127.245.0.5", 80, is_ready=False, is_serving=False, is_terminating=True)
UNREADY = Endpoint("127.245.0.6", 80, is_ready=False, is_serving=False)
ELSEWHERE = Endpoint("127.245.0.9", 80, node_name="n2")
ZONE_A = Endpoint("127.245.0.7", 80, zone_hints=("a",), node_hints=("n1",))
DRAINED_A = Endpoint("127.245.0.10", 80, zone_hints=("a",), node_hints=("n1",), weight=0)
ZONE_B = Endpoint("127.245.0.8", 80, zone_hints=("b",), node_hints=("n2",))


def port(**fields: str) -> ServicePort:
    return ServicePort(NAME, ("", 1), ("127.97.0.1",), 80, **fields)  # type: ignore[arg-type]  # policies are text


@pytest.mark.parametrize(
    ("endpoints", "expected", "has_any"),
    [
        pytest.param([READY, LOCAL], [READY, LOCAL], True, id="ready"),
        pytest.param([READY, LEAVING, UNREADY], [READY], True, id="ready-before-terminating"),
        pytest.param([LEAVING, GONE, UNREADY], [LEAVING], True, id="terminating-that-serve-when-none-is-ready"),
        pytest.param([GONE, UNREADY], [], False, id="neither"),
        pytest.param([], [], False, id="none"),
        pytest.param([READY, LOCAL._replace(weight=0)], [READY, LOCAL._replace(weight=0)], True, id="one-of-weight-0"),
        pytest.param([READY._replace(weight=0), LEAVING], [], False, id="all-ready-ones-of-weight-0"),
    ],
)
def test_ready_endpoints_come_first_and_then_those_that_still_serve(
    endpoints: list[Endpoint], expected: list[Endpoint], has_any: bool
) -> None:
    found = categorize_endpoints(endpoints, port(), Node("n1"))
    assert (list(found.cluster), found.local, found.has_any) == (expected, (), has_any)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        pytest.param([READY, LOCAL, LEAVING_LOCAL], [LOCAL], id="ready-and-local"),
        pytest.param([READY, LEAVING_LOCAL], [LEAVING_LOCAL], id="terminating-and-local-before-ready-elsewhere"),
        pytest.param([READY, ELSEWHERE], [], id="none-is-local"),
    ],
)
def test_the_policy_local_uses_this_nodes_endpoints(endpoints: list[Endpoint], expected: list[Endpoint]) -> None:
    found = categorize_endpoints(endpoints, port(internal_traffic_policy="Local"), Node("n1"))
    assert (found.cluster, list(found.local), found.has_any) == ((), expected, True)


@pytest.mark.parametrize(
    ("node_name", "zone", "endpoints", "expected"),
    [
        pytest.param("n2", "a", [ZONE_A, ZONE_B], [ZONE_B], id="this-node-before-this-zone"),
        pytest.param("n9", "a", [ZONE_A, ZONE_B], [ZONE_A], id="this-zone"),
        pytest.param("n9", "c", [ZONE_A, ZONE_B], [ZONE_A, ZONE_B], id="no-hint-for-here"),
        pytest.param("n1", "a", [ZONE_A, READY], [ZONE_A, READY], id="an-endpoint-without-hints"),
        pytest.param("n1", "a", [DRAINED_A, ZONE_B], [DRAINED_A, ZONE_B], id="what-is-near-is-drained"),
        pytest.param("n9", "a", [ZONE_A, DRAINED_A, ZONE_B], [ZONE_A, DRAINED_A], id="some-of-what-is-near-is-drained"),
        pytest.param("", "", [ZONE_A, ZONE_B], [ZONE_A, ZONE_B], id="nowhere"),
    ],
)
def test_hints_are_obeyed_when_every_ready_endpoint_has_them(
    node_name: str, zone: str, endpoints: list[Endpoint], expected: list[Endpoint]
) -> None:
    assert (
        list(categorize_endpoints(endpoints, port(), Node(node_name, zone) if node_name else None).cluster) == expected
    )


@pytest.mark.parametrize(
    ("node_name", "zone", "endpoints", "hint"),
    [
        pytest.param("n2", "a", [ZONE_A, ZONE_B], "node", id="another-nodes-endpoint-is-left-out"),
        pytest.param("n9", "a", [ZONE_A, ZONE_B], "zone", id="another-zones-endpoint-is-left-out"),
        pytest.param("n1", "a", [ZONE_A], "", id="all-are-meant-for-here"),
        pytest.param("n9", "c", [ZONE_A, ZONE_B], "", id="none-is-meant-for-here"),
        pytest.param("n1", "a", [LEAVING], "", id="none-is-ready"),
    ],
)
def test_the_hints_that_left_endpoints_out_are_named(
    node_name: str, zone: str, endpoints: list[Endpoint], hint: str
) -> None:
    assert categorize_endpoints(endpoints, port(), Node(node_name, zone)).by_hint == hint


def test_a_load_balancer_finds_the_local_endpoints_of_every_node() -> None:
    found = categorize_endpoints([READY, LOCAL, ELSEWHERE], port(internal_traffic_policy="Local"), None)
    assert list(found.local) == [LOCAL, ELSEWHERE]

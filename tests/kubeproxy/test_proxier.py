"""Packets traced through whole rule sets, and the least that must change from one rule set to the next.

IP plan: web 127.97.2.1, api 127.97.2.2, node 127.97.101.1, external 127.97.102.1, endpoints 127.245.2.1 to .3.
"""

from __future__ import annotations

import pytest
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build_endpoint, build_node

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeproxy.proxier import Proxier, Sync
from kubeproxy.rules import Decision, Verdict
from kubeproxy.tracing.trace import reason_of
from kubeproxy.types import Destination

WEB, API, NODE, EXTERNAL = "127.97.2.1", "127.97.2.2", "127.97.101.1", "127.97.102.1"
A, B, C = "127.245.2.1", "127.245.2.2", "127.245.2.3"

OBJECTS = (
    build_node("n1", NODE),
    service("web", WEB, type="NodePort", ports=[{"port": 80, "nodePort": 30080}], externalIPs=[EXTERNAL]),
    service("api", API, ports=[{"name": "http", "port": 80}, {"name": "grpc", "port": 90}]),
    service("empty", "127.97.2.3", port=80),
    service("udp", "127.97.2.4", ports=[{"port": 53, "protocol": "UDP"}]),
    slice_of("web", [A, B, build_endpoint(C, ready=False)], port=8080),
    slice_of("api", [C], port=9090, port_name="grpc"),
    slice_of("udp", [C], port=5353),
)


def tell(proxier: Proxier, *objects: JSON) -> Sync:
    """Hand objects over, as informers do, and sync."""
    updates = {
        "Service": proxier.services.update,
        "EndpointSlice": proxier.endpoints.update,
        "Node": proxier.nodes.update,
    }
    for each in objects:
        updates[each["kind"]](key_of(each), each)
    return proxier.sync()


@pytest.fixture
def proxier() -> Proxier:
    """The cluster of the IP plan, programmed."""
    made = Proxier()
    tell(made, *OBJECTS)
    return made


def say(decision: Decision) -> str:
    """A decision in words."""
    what = decision.verdict.value
    if decision.verdict is Verdict.FORWARD and decision.route is not None:
        what = f"{decision.route.port_name} -> {','.join(each.address for each in decision.endpoints)}"
    return f"{what} ({reason_of(decision)})"


def changes(sync: Sync) -> list[str]:
    """The listeners' changes in words."""
    return [f"{each.action.value} {each.listener.destination}" for each in sync.listeners]


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        pytest.param(WEB, 80, f"default/web -> {A}:8080,{B}:8080 (clusterIP of default/web)", id="cluster-ip"),
        pytest.param(NODE, 30080, f"default/web -> {A}:8080,{B}:8080 (nodePort of default/web)", id="node-port"),
        pytest.param("127.0.0.1", 30080, f"default/web -> {A}:8080,{B}:8080 (nodePort of default/web)", id="localhost"),
        pytest.param(EXTERNAL, 80, f"default/web -> {A}:8080,{B}:8080 (externalIP of default/web)", id="external-ip"),
        pytest.param(API, 90, f"default/api:grpc -> {C}:9090 (clusterIP of default/api:grpc)", id="named-port"),
        pytest.param(API, 80, "REJECT (default/api:http has no endpoints)", id="port-without-endpoints"),
        pytest.param("127.97.2.3", 80, "REJECT (default/empty has no endpoints)", id="service-without-endpoints"),
        pytest.param(WEB, 81, f"REJECT (no Service has {WEB}:81/tcp)", id="undefined-port"),
        pytest.param("127.97.9.9", 80, "REJECT (no Service has 127.97.9.9:80/tcp)", id="unallocated-address"),
    ],
)
def test_a_packet_goes_where_kubernetes_sends_it(proxier: Proxier, address: str, port: int, expected: str) -> None:
    assert say(proxier.rules.decide("127.0.0.1", Destination(address, port, "TCP"))) == expected


def test_only_ports_with_endpoints_are_opened() -> None:
    assert changes(tell(Proxier(), *OBJECTS)) == [
        f"open {API}:90/tcp",
        f"open {WEB}:80/tcp",
        f"open {NODE}:30080/tcp",
        "open 127.0.0.1:30080/tcp",
        f"open {EXTERNAL}:80/tcp",
    ]


def test_what_is_opened_is_counted(proxier: Proxier) -> None:
    assert proxier.rules.count_listeners() == 5
    tell(proxier, slice_of("empty", [C]))
    assert proxier.rules.count_listeners() == 6


def test_nothing_happens_without_a_change(proxier: Proxier) -> None:
    before = proxier.rules
    sync = tell(proxier, *OBJECTS)
    assert changes(sync) == []
    assert proxier.rules.ports == before.ports


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(slice_of("web", [C], port=8080), [], id="other-endpoints"),
        pytest.param(
            slice_of("api", [], port=9090, port_name="grpc"), [f"close {API}:90/tcp"], id="no-endpoint-is-left"
        ),
        pytest.param(slice_of("empty", [C]), ["open 127.97.2.3:80/tcp"], id="the-first-endpoint"),
        pytest.param(
            service("api", "127.97.2.9", ports=[{"name": "http", "port": 80}, {"name": "grpc", "port": 90}]),
            [f"close {API}:90/tcp", "open 127.97.2.9:90/tcp"],
            id="another-address",
        ),
        pytest.param(
            service("api", API, ports=[{"name": "http", "port": 80}, {"name": "grpc", "port": 91}]),
            [f"close {API}:90/tcp", f"open {API}:91/tcp"],
            id="another-port",
        ),
        pytest.param(
            service("api", API, ports=[{"name": "grpc", "port": 90}], sessionAffinity="ClientIP"),
            ["update 127.97.2.2:90/tcp"],
            id="affinity",
        ),
        pytest.param(
            build_node("n1", "127.97.101.9"),
            [f"close {NODE}:30080/tcp", "open 127.97.101.9:30080/tcp"],
            id="the-node-has-moved",
        ),
    ],
)
def test_a_change_touches_no_more_listeners_than_it_must(proxier: Proxier, obj: JSON, expected: list[str]) -> None:
    assert changes(tell(proxier, obj)) == expected


def test_a_deleted_service_closes_what_it_had(proxier: Proxier) -> None:
    proxier.services.update(ObjectKey("default", "api"), None)
    sync = proxier.sync()
    assert changes(sync) == [f"close {API}:90/tcp"]
    assert ObjectKey("default", "api") not in sync.rules.by_service


def test_rules_in_force_are_never_changed_only_replaced(proxier: Proxier) -> None:
    before = proxier.rules
    client, destination = "127.0.0.1", Destination(API, 90, "TCP")
    said = say(before.decide(client, destination))
    proxier.services.update(ObjectKey("default", "api"), None)
    proxier.sync()
    assert say(before.decide(client, destination)) == said
    assert say(proxier.rules.decide(client, destination)).startswith("REJECT")


def test_endpoints_may_come_before_their_service() -> None:
    proxier = Proxier()
    assert changes(tell(proxier, slice_of("web", [A]))) == []
    assert changes(tell(proxier, service("web", WEB))) == [f"open {WEB}:20080/tcp"]


def test_a_younger_service_inherits_a_contested_address() -> None:
    old = service("old", WEB, externalIPs=[EXTERNAL], created="2026-01-01T00:00:00Z")
    young = service("young", API, externalIPs=[EXTERNAL], created="2026-01-02T00:00:00Z")
    proxier = Proxier()
    slices = (slice_of("old", [A]), slice_of("young", [B]))
    sync = tell(proxier, young, old, *slices)
    assert [str(each) for each in sync.conflicts] == [
        f"Port conflict detected on port {EXTERNAL}:20080/tcp. default/old vs default/young"
    ]
    proxier.services.update(ObjectKey("default", "old"), None)
    assert changes(proxier.sync()) == [
        f"close {WEB}:20080/tcp",
        f"close {EXTERNAL}:20080/tcp",
        f"open {EXTERNAL}:20080/tcp",
    ]


def test_of_services_of_one_second_the_one_that_was_there_first_keeps_its_address() -> None:
    proxier = Proxier()
    tell(proxier, service("zebra", WEB, externalIPs=[EXTERNAL]), slice_of("zebra", [A]))
    sync = tell(proxier, service("ant", API, externalIPs=[EXTERNAL]), slice_of("ant", [B]))
    assert changes(sync) == [f"open {API}:20080/tcp"]
    assert [each.loser.name for each in sync.conflicts] == ["ant"]

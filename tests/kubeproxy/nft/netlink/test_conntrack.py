"""What conntrack's messages say, which flows must end, and how connections are shown."""

from __future__ import annotations

import pytest
from tests.kubeproxy.nft.test_serviceport import CLUSTER_IP, NAME, ON_1, ON_2, POD_1, rules_of

from kubehost.netlink import attribute
from kubeproxy.nft import flows
from kubeproxy.nft.netlink.attributes import header, long_number, nested, number
from kubeproxy.nft.netlink.conntrack import CLOSE, ESTABLISHED, TIME_WAIT, End, Flow, delete, dump, is_end, read_flow
from kubeproxy.nft.netlink.forms import V4, V6, packed
from kubeproxy.rules import Rules, compile_rules, port_rule
from kubeproxy.types import Destination

NOW, WALL = 1000.0, 5000.0
FLOW = Flow(
    protocol="TCP",
    client=End(POD_1, 40000, CLUSTER_IP, 80),
    server=End(ON_1.ip, ON_1.port, POD_1, 40000),
    is_translated=True,
    state=ESTABLISHED,
    is_assured=True,
    seconds_left=432000,
    began_at=WALL - 3,
    bytes_to_endpoint=450,
    bytes_to_client=1152,
)
OF_UDP = FLOW._replace(protocol="UDP", state=0)


def end(kind: int, flow_end: End, protocol: int) -> bytes:
    first = 3 if ":" in flow_end.source else 1
    addresses = nested(1, attribute(first, packed(flow_end.source)), attribute(first + 1, packed(flow_end.destination)))
    ports = [
        attribute(2, flow_end.source_port.to_bytes(2, "big")),
        attribute(3, flow_end.destination_port.to_bytes(2, "big")),
    ]
    return nested(kind, addresses, nested(2, attribute(1, bytes((protocol,))), *ports))


def message(flow: Flow, protocol: int = 6, status: int = 0x2E) -> bytes:
    """The kernel's message about a flow."""
    parts = [
        end(1, flow.client, protocol),
        end(2, flow.server, protocol),
        number(3, status),
        nested(4, nested(1, attribute(1, bytes((flow.state,))))),
        number(7, flow.seconds_left),
        nested(9, long_number(1, 7), long_number(2, flow.bytes_to_endpoint)),
        nested(10, long_number(1, 5), long_number(2, flow.bytes_to_client)),
        nested(20, long_number(1, int(flow.began_at * 1e9))),
    ]
    return bytes(4) + b"".join(parts)


def test_a_message_is_a_flow() -> None:
    assert read_flow(message(FLOW)) == FLOW


def test_a_message_of_ipv6_is_a_flow() -> None:
    flow = FLOW._replace(client=End("fd00::2", 1, "fd00::20", 80), server=End("fd00::3", 8080, "fd00::2", 1))
    assert read_flow(message(flow)) == flow


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(message(FLOW, protocol=1), id="icmp"),
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(4) + end(1, FLOW.client, 6), id="one-side-only"),
        pytest.param(message(FLOW)[:60], id="cut-off"),
    ],
)
def test_what_is_no_flow_with_ports_is_left_out(body: bytes) -> None:
    assert read_flow(body) is None


def test_a_flow_past_the_rules_is_told_apart() -> None:
    flow = read_flow(message(FLOW, status=0xE))
    assert flow is not None
    assert not flow.is_translated


@pytest.mark.parametrize("flow", [FLOW, FLOW._replace(client=End("fd00::2", 1, "fd00::20", 80))], ids=["v4", "v6"])
def test_a_flow_is_named_to_the_kernel_as_its_client_sends_it(flow: Flow) -> None:
    family = V6 if ":" in flow.client.source else V4
    assert delete(family, flow).body == header(family.number) + end(1, flow.client, 6)


def test_events_of_the_end_are_known_by_their_kind() -> None:
    assert is_end(0x102)
    assert not is_end(0x100)
    assert dump(V4, only_translated=False).body == header(V4.number)
    assert len(dump(V4, only_translated=True).body) > len(header(V4.number))


@pytest.mark.parametrize(
    ("change", "outcome", "ended"),
    [
        pytest.param({}, "", None, id="open"),
        pytest.param({"state": TIME_WAIT, "seconds_left": 118}, "closed", NOW - 2, id="closed"),
        pytest.param({"state": CLOSE, "seconds_left": 10}, "reset", NOW, id="reset"),
        pytest.param(
            {"state": CLOSE, "seconds_left": 9, "is_assured": False}, "connect_refused", NOW - 1, id="refused"
        ),
        pytest.param({"protocol": "UDP", "state": 0}, "", None, id="a-flow-of-udp"),
    ],
)
def test_a_flow_becomes_a_record(change: dict[str, object], outcome: str, ended: float | None) -> None:
    flow = FLOW._replace(**change)  # type: ignore[arg-type]
    rules = rules_of(ON_1, ON_2) if flow.protocol == "TCP" else udp_rules()
    record = flows.record_of(rules, flow, NOW, WALL)
    assert record is not None
    assert (record.client, record.destination.address, record.began_at) == (POD_1, CLUSTER_IP, NOW - 3)
    assert record.choice is not None
    assert (record.choice.endpoint.ip, record.choice.among) == (ON_1.ip, 2)
    assert (record.bytes_to_endpoint, record.bytes_to_client) == (450, 1152)
    assert (record.outcome, record.ended_at) == (outcome, ended)


def test_a_record_names_an_endpoint_that_has_left() -> None:
    record = flows.record_of(rules_of(ON_2), FLOW, NOW, WALL)
    assert record is not None
    assert record.choice is not None
    assert record.choice.address == ON_1.address


def test_a_flow_of_no_service_has_no_record() -> None:
    assert flows.record_of(Rules(), FLOW, NOW, WALL) is None


def test_a_kernel_without_time_stamps_has_connections_begin_now() -> None:
    record = flows.record_of(rules_of(ON_1), FLOW._replace(began_at=0.0), NOW, WALL)
    assert record is not None
    assert record.began_at == NOW


def udp_rules() -> Rules:
    name = NAME._replace(protocol="UDP")
    rules = rules_of(ON_1, ON_2)
    port = rules.ports[NAME].service_port
    rule = port_rule(port._replace(name=name), (ON_1, ON_2), rules.nodes)
    return compile_rules(Rules(), {name.service: (rule,)}, rules.nodes).rules


@pytest.mark.parametrize(
    ("flow", "serves", "is_stale"),
    [
        pytest.param(OF_UDP, True, False, id="its-endpoint-serves"),
        pytest.param(OF_UDP._replace(server=End("10.244.9.9", 8080, POD_1, 1)), True, True, id="its-endpoint-is-gone"),
        pytest.param(OF_UDP._replace(is_translated=False), True, True, id="past-the-rules-that-there-are-now"),
        pytest.param(OF_UDP._replace(is_translated=False), False, False, id="to-a-socket"),
        pytest.param(FLOW._replace(server=End("10.244.9.9", 8080, POD_1, 1)), True, False, id="tcp-keeps-its-endpoint"),
    ],
)
def test_udp_flows_end_with_their_endpoints(flow: Flow, serves: bool, is_stale: bool) -> None:
    destinations = [flows.destination_of(flow)]
    found = flows.stale(udp_rules(), [flow], destinations, lambda _: serves)
    assert (found == [flow]) == is_stale


def test_flows_to_other_destinations_go_on() -> None:
    gone = OF_UDP._replace(server=End("10.244.9.9", 8080, POD_1, 1))
    other = [Destination(CLUSTER_IP, 81, "UDP")]
    assert flows.stale(udp_rules(), [gone], other, lambda _: True) == []


def test_flows_of_a_service_that_is_gone_end() -> None:
    assert flows.stale(Rules(), [OF_UDP], [flows.destination_of(OF_UDP)], lambda _: False) == [OF_UDP]

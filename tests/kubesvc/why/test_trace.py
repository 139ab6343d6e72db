from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import service
from tests.helpers.kubesvc.explain import Paper, ready_pod

from kubeapi.status import StatusError
from kubedns.explain import Explanation, Lookup
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.plane import ListenerStatus
from kubeproxy.rules import Packet
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.tracing.trace import trace_packet
from kubeproxy.types import Destination, ListenerKind, ServicePortName
from kubesvc.terminal.text.traces import dns_text, trace_text
from kubesvc.why.trace.addressing import TraceTarget, read_destination, read_source
from kubesvc.why.trace.documents import direct_document, dns_document, outside_document, trace_document
from kubesvc.why.trace.otherproxies import find_other_proxy, other_document

WEB = "127.113.0.40"
NAMES = {"web": [WEB], "db": ["127.250.1.1", "127.250.2.1"], "six": ["fd00::1"]}
PORTS = [
    {"name": "http", "port": 80},
    {"name": "dns", "port": 53, "protocol": "UDP"},
    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
]


def resolve(name: str, _namespace: str, is_ipv6: bool) -> Sequence[str]:
    return [each for each in NAMES.get(name, []) if (":" in each) == is_ipv6]


@pytest.fixture
def paper() -> Paper:
    paper = Paper()
    paper.service(service("web", selector={"app": "web"}, ports=PORTS, clusterIP=WEB))
    paper.service(service("alias", type="ExternalName", externalName="example.com", ports=[]))
    paper.service(service("db", clusterIP="None", selector={"app": "db"}))
    paper.pod(ready_pod("web-1"))
    paper.pod(ready_pod("web-2", node="node-2"), podIP="", podIPs=[])
    return paper


MOVED = ListenerStatus(
    WEB, 10080, 80, "TCP", ListenerKind.CLUSTER_IP, ServicePortName("default", "web", "http", "TCP"), True, "", WEB
)


def test_an_address_of_this_machine_stands_for_one_of_the_exact_plan(paper: Paper) -> None:
    exact = MOVED._replace(address="10.109.241.161", host_address="127.109.241.161")
    target = read_destination(
        paper.registry.store, "default", "127.109.241.161:10080", resolve=resolve, listeners=[exact]
    )
    assert target.destination == Destination("10.109.241.161", 80, "TCP")
    assert target.notes == (
        "127.109.241.161 is where this machine has 10.109.241.161.",
        "Port 10080 stands for 80 on this machine.",
    )


def to(paper: Paper, text: str) -> TraceTarget:
    return read_destination(paper.registry.store, "default", text, resolve=resolve, listeners=[MOVED])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("outside", "127.0.0.1", id="outside"),
        pytest.param("10.1.2.3", "10.1.2.3", id="address"),
        pytest.param("FD00:0::1", "fd00::1", id="ipv6"),
        pytest.param("pod/web-1", "127.250.1.1", id="pod"),
        pytest.param("node/node-2", "127.171.0.102", id="node"),
    ],
)
def test_a_source_is_read(paper: Paper, text: str, address: str) -> None:
    assert read_source(paper.registry.store, "default", text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("bogus", "'bogus' is no source: write an address, pod/NAME, node/NAME or outside", id="word"),
        pytest.param("svc/web", "'svc/web' is no source", id="service"),
        pytest.param("pod/web", 'pods "web" not found in namespace default; did you mean web-', id="no-such-pod"),
        pytest.param("node/node-9", 'nodes "node-9" not found; did you mean node-', id="no-such-node"),
        pytest.param("pod/web-2", "Pod default/web-2 has no address yet", id="no-address-yet"),
    ],
)
def test_a_source_that_is_none_is_refused_with_what_is_accepted(paper: Paper, text: str, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        read_source(paper.registry.store, "default", text)
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        pytest.param("svc/web:80", Destination(WEB, 80, "TCP"), id="service"),
        pytest.param("svc/web:http", Destination(WEB, 80, "TCP"), id="port-by-name"),
        pytest.param("service/web:53/udp", Destination(WEB, 53, "UDP"), id="udp"),
        pytest.param("svc/web:53", Destination(WEB, 53, "TCP"), id="tcp-unless-told"),
        pytest.param("10.1.2.3:443", Destination("10.1.2.3", 443, "TCP"), id="address"),
        pytest.param("10.1.2.3:53/UDP", Destination("10.1.2.3", 53, "UDP"), id="address-udp"),
        pytest.param("[fd00::1]:80", Destination("fd00::1", 80, "TCP"), id="ipv6"),
        pytest.param("web:80", Destination(WEB, 80, "TCP"), id="name"),
        pytest.param("six:80", Destination("fd00::1", 80, "TCP"), id="name-with-ipv6-only"),
        pytest.param(f"{WEB}:10080", Destination(WEB, 80, "TCP"), id="moved-port"),
    ],
)
def test_a_destination_is_read(paper: Paper, text: str, destination: Destination) -> None:
    assert to(paper, text).destination == destination


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "bogus", "'bogus' is no destination: write svc/NAME:PORT, ADDRESS:PORT or DNS-NAME:PORT", id="word"
        ),
        pytest.param("", "'' is no destination", id="nothing"),
        pytest.param("10.1.2.3", "'10.1.2.3' is no destination", id="no-port"),
        pytest.param("10.1.2.3:http", "'http' is no port: a number from 1 to 65535", id="named-port-of-an-address"),
        pytest.param("10.1.2.3:0", "'0' is no port", id="port-0"),
        pytest.param("10.1.2.3:65536", "'65536' is no port", id="port-too-high"),
        pytest.param("10.1.2.3:80/icmp", "'icmp' is no protocol: tcp, udp or sctp", id="protocol"),
        pytest.param("svc/", '"svc/" is no destination', id="service-without-name"),
        pytest.param("svc/wbe:80", 'services "wbe" not found in namespace default; did you mean web?', id="typo"),
        pytest.param("svc/web:81", "has no port 81; it has 80/tcp (http), 53/udp (dns), 53/tcp (dns-tcp)", id="port"),
        pytest.param("svc/web:80/udp", "has no port 80/udp", id="other-protocol"),
        pytest.param("svc/web", "has several ports, name one: 80/tcp (http)", id="which-port"),
        pytest.param("svc/alias:80", "Service default/alias is an ExternalName, so no packet goes to it", id="alias"),
        pytest.param("svc/db:80", "Service default/db is headless, so no packet goes to it", id="headless"),
        pytest.param("nobody:80", "nobody has no address: `kubesvc trace --dns nobody` says why", id="no-such-name"),
    ],
)
def test_a_destination_that_is_none_is_refused_with_what_is_accepted(paper: Paper, text: str, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        to(paper, text)
    assert message in refused.value.message


def trace(paper: Paper, text: str, error: str = "", *, is_refused: bool = False, **doubts: str) -> dict[str, Any]:
    target = to(paper, text)
    rules = paper.rules()
    load_balancer = LoadBalancer("random", ProxyCounters(), clock=lambda: 0.0, rng=random.Random(1))
    for name, rule in rules.ports.items():
        load_balancer.update(name, rule)
    traced = trace_packet(rules, load_balancer, Packet("127.0.0.1", target.destination))
    known = {f"127.250.{number.removeprefix('pod_')}.1:80": doubt for number, doubt in doubts.items()}
    return trace_document(traced._replace(is_refused=is_refused), target, MOVED._replace(error=error), known)


def test_a_connection_to_an_endpoint_that_is_known_to_be_dead_is_reset(paper: Paper) -> None:
    document = trace(paper, "svc/web:http", pod_1="did not answer")
    assert document["endpoints"][0]["doubt"] == "did not answer"
    assert "  127.250.1.1:80   web-1   node-1   yes, but did not answer" in trace_text(document).split("\n")
    assert document["outcome"] == (
        "The connection is taken, but no endpoint will do, as far as the proxy knows: "
        "the client is reset (ECONNRESET), or gets HTTP 502, 503 or 504."
    )


def test_a_connection_that_the_algorithm_refuses_is_reset(paper: Paper) -> None:
    assert trace(paper, "svc/web:http", is_refused=True)["outcome"] == (
        "The connection is taken, but the algorithm gives it none of the endpoints: "
        "the client is reset (ECONNRESET), or gets HTTP 502, 503 or 504."
    )


def test_one_that_may_be_dead_among_others_is_said_beside_the_outcome(paper: Paper) -> None:
    paper.pod(ready_pod("web-3"))
    assert trace(paper, "svc/web:http", pod_1="did not answer")["outcome"] == (
        "The connection is made. But 1 of 2 endpoints will not do, as far as the proxy knows."
    )


def test_a_trace_is_printed_with_its_steps_candidates_and_verdict(paper: Paper) -> None:
    assert trace_text(trace(paper, "svc/web:http")).split("\n") == [
        f"127.0.0.1 -> {WEB}:80/tcp",
        "",
        f"  1. default/web has the cluster IP {WEB}.",
        "  2. 127.0.0.1 is on no node: the packet comes from outside the cluster.",
        f"  3. {WEB}:80/tcp is the clusterIP of default/web:http.",
        "  4. The rules of node-1 are met: a cluster IP exists on nodes only, and a client from outside is put on it.",
        "  5. internalTrafficPolicy is Cluster: endpoints of every node count.",
        "",
        "  ENDPOINT         POD     NODE     CANDIDATE",
        "  127.250.1.1:80   web-1   node-1   yes",
        "",
        "random: each connection gets one of 1 with the same chance.",
        "FORWARD: clusterIP of default/web:http.",
        "The connection is made.",
    ]


def test_a_refusal_says_where_to_ask_on() -> None:
    paper = Paper()
    paper.service(service("web", selector={"app": "web"}, clusterIP=WEB))
    assert trace_text(trace(paper, "svc/web")).split("\n")[-3:] == [
        "REJECT: default/web has no endpoints.",
        "The client is refused at once (ECONNREFUSED).",
        "`kubesvc explain svc/web -n default` says why there are no endpoints.",
    ]


def test_a_socket_that_could_not_be_bound_is_part_of_the_outcome(paper: Paper) -> None:
    document = trace(paper, "svc/web:http", error="taken by nginx")
    assert document["verdict"] == "FORWARD"
    assert document["outcome"].endswith("But nothing of this cluster listens here: taken by nginx.")


@pytest.mark.parametrize(
    ("proxy_name", "reason", "outcome"),
    [
        ("kubedns", "which the name server serves", "The name server gets the packet itself"),
        ("envoy", "which another proxy serves", 'It is for the proxy "envoy"; nothing of this cluster listens there.'),
    ],
)
def test_a_packet_to_a_service_of_another_proxy_is_not_refused(
    paper: Paper, proxy_name: str, reason: str, outcome: str
) -> None:
    labels = {"service.kubernetes.io/service-proxy-name": proxy_name}
    paper.service(service("names", metadata={"labels": labels}, ports=PORTS, clusterIP="127.113.0.12"))
    target = to(paper, "127.113.0.12:53/udp")
    found = find_other_proxy(paper.registry.store, target.destination)
    assert found is not None
    document = other_document({"steps": ["where it comes from", "No Service has it."]}, found)
    assert (document["verdict"], document["service"], document["port"]) == ("DIRECT", "default/names", "dns")
    assert reason in document["reason"]
    assert outcome in document["outcome"]
    assert not any("No Service" in each for each in document["steps"])


def test_a_service_port_that_no_other_proxy_has_is_found_at_none(paper: Paper) -> None:
    assert find_other_proxy(paper.registry.store, Destination(WEB, 80, "TCP")) is None


def test_a_packet_to_a_pod_meets_no_rules(paper: Paper) -> None:
    target = to(paper, "db:8080")
    assert target.pod == "default/web-1"
    document = direct_document(Packet("127.0.0.1", target.destination), target)
    assert (document["verdict"], document["steps"]) == (
        "DIRECT",
        [
            "DNS answers db with 127.250.1.1, the first of 2.",
            "127.250.1.1 is the pod default/web-1: no Service's rules are met.",
        ],
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("", "The packet leaves the cluster as it is."),
        (
            "pasta is not installed",
            "The packet leaves the cluster as it is. But pods do not reach hosts outside: pasta is not installed.",
        ),
    ],
)
def test_a_packet_to_the_internet_is_not_refused_by_the_cluster(paper: Paper, error: str, outcome: str) -> None:
    target = to(paper, "8.8.8.8:443")
    balancer = LoadBalancer("random", ProxyCounters(), clock=lambda: 0.0, rng=random.Random(1))
    found = trace_packet(paper.rules(), balancer, Packet("127.250.1.1", target.destination))
    document = outside_document(found, target, error)
    assert (document["verdict"], document["outcome"]) == ("DIRECT", outcome)
    assert document["reason"] == "no Service has 8.8.8.8:443/tcp"


def test_a_name_is_printed_lookup_by_lookup() -> None:
    lookups = (
        Lookup("web.default.", "SRV", "NXDOMAIN", (), (), ("There is no Service.",)),
        Lookup("web.", "SRV", "NOERROR", ("web. 5 IN SRV 0 1 2 a.",), ("a. 5 IN A 10.0.0.1",), ()),
    )
    document = dns_document(Explanation(lookups, ("web is short.",)))
    assert document["lookups"][1]["answers"] == ["web. 5 IN SRV 0 1 2 a."]
    assert dns_text(document) == (
        "web is short.\n\n"
        "web.default. SRV: NXDOMAIN\n  - There is no Service.\n\n"
        "web. SRV: NOERROR\n  web. 5 IN SRV 0 1 2 a.\n  ;; additional\n  a. 5 IN A 10.0.0.1"
    )

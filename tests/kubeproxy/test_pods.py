"""The own addresses of pods and the ports of their nodes, among the rules of Services.

IP plan: node 127.97.101.1, Service web 127.97.2.1, pods 127.245.2.1 and .2.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build_endpoint, build_node, build_pod

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import PODS, SERVICES
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.proxier import Proxier, Sync
from kubeproxy.rules import Packet
from kubeproxy.telemetry.counters import ProxyCounters, SyncCounters
from kubeproxy.telemetry.metrics import expose
from kubeproxy.tracing.trace import trace_packet
from kubeproxy.types import Destination, ServicePortName, pod_rules_key, subject_of

NODE, WEB, A, B = "127.97.101.1", "127.97.2.1", "127.245.2.1", "127.245.2.2"


def pod(name: str = "a", ip: str = A, ports: Any = (), phase: str = "Running", **spec: Any) -> JSON:
    """A pod on the node n1 with one container."""
    container = {"name": "main", "ports": list(ports)}
    status = {"phase": phase, "podIP": ip}
    return build_pod(name, container, namespace="default", nodeName="n1", **spec) | {"status": status}


def endpoint_of(name: str, ip: str) -> JSON:
    return build_endpoint(ip, targetRef={"kind": "Pod", "name": name})


def tell(proxier: Proxier, *objects: JSON) -> Sync:
    """Hand objects over, as the informers of a proxy with sandboxes do, and sync."""
    for each in objects:
        key = key_of(each)
        match each["kind"]:
            case "Pod":
                proxier.pods.update(key, each)
            case "Service":
                proxier.services.update(key, each)
            case "EndpointSlice":
                proxier.endpoints.update(key, each)
                proxier.pods.update_slice(key, each)
            case "Node":
                proxier.nodes.update(key, each)
    return proxier.sync()


def said(proxier: Proxier) -> dict[str, str]:
    """Where each destination of pods leads, by what it is."""
    rules = proxier.rules
    return {
        f"{claims[0].kind} {to}": ",".join(each.address for each in rules.decide("127.0.0.1", to).endpoints)
        for to, claims in rules.pod_claims.items()
    }


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([pod()], {}, id="no-ports"),
        pytest.param(
            [pod(ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}])],
            {f"podIP {A}:53/udp": f"{A}:53", f"podIP {A}:80/tcp": f"{A}:80"},
            id="declared",
        ),
        pytest.param(
            [pod(), slice_of("web", [endpoint_of("a", A)], port=8080)],
            {f"podIP {A}:8080/tcp": f"{A}:8080"},
            id="where-a-service-has-it-as-endpoint",
        ),
        pytest.param(
            [pod(ports=[{"containerPort": 80, "hostPort": 20080}])],
            {f"podIP {A}:80/tcp": f"{A}:80", f"hostPort {NODE}:20080/tcp": f"{A}:80"},
            id="host-port",
        ),
        pytest.param(
            [pod(ports=[{"containerPort": 80, "hostPort": 20080, "hostIP": "127.0.0.1"}])],
            {f"podIP {A}:80/tcp": f"{A}:80", "hostPort 127.0.0.1:20080/tcp": f"{A}:80"},
            id="host-port-at-an-address",
        ),
        pytest.param(
            [pod(ip=NODE, ports=[{"containerPort": 80, "hostPort": 80}], hostNetwork=True)],
            {f"podIP {NODE}:80/tcp": f"{NODE}:80"},
            id="in-the-network-of-its-node",
        ),
        pytest.param([pod(ip="", ports=[{"containerPort": 80}])], {}, id="no-address-yet"),
        pytest.param([pod(phase="Succeeded", ports=[{"containerPort": 80}])], {}, id="ended"),
    ],
)
def test_the_host_reaches_a_pod_at(objects: list[JSON], expected: dict[str, str]) -> None:
    proxier = Proxier()
    tell(proxier, build_node("n1", NODE), *objects)
    assert said(proxier) == expected


def test_a_port_goes_with_the_last_slice_that_has_it_and_a_pod_with_all_of_its_ports() -> None:
    proxier = Proxier()
    one, other = (slice_of(each, [endpoint_of("a", A)], port=8080) for each in ("one", "other"))
    tell(proxier, build_node("n1", NODE), pod(ports=[{"containerPort": 80}]), one, other)
    assert set(said(proxier)) == {f"podIP {A}:80/tcp", f"podIP {A}:8080/tcp"}
    proxier.pods.update_slice(key_of(one), None)
    assert not proxier.sync().listeners
    proxier.pods.update_slice(key_of(other), None)
    assert [str(each.listener.destination) for each in proxier.sync().listeners] == [f"{A}:8080/tcp"]
    proxier.pods.update(ObjectKey("default", "a"), None)
    assert [str(each.listener.destination) for each in proxier.sync().listeners] == [f"{A}:80/tcp"]
    assert said(proxier) == {}


def test_a_pod_whose_status_changes_but_not_its_ports_changes_nothing() -> None:
    proxier = Proxier()
    tell(proxier, pod(phase="Pending", ports=[{"containerPort": 80}]))
    assert not tell(proxier, pod(phase="Running", ports=[{"containerPort": 80}])).ports


def test_a_node_that_comes_later_gives_a_host_port_its_address() -> None:
    proxier = Proxier()
    tell(proxier, pod(ports=[{"containerPort": 80, "hostPort": 20080}]))
    assert set(said(proxier)) == {f"podIP {A}:80/tcp"}
    tell(proxier, build_node("n1", NODE))
    assert f"hostPort {NODE}:20080/tcp" in said(proxier)


def test_a_service_goes_before_a_host_port_and_the_pod_is_told() -> None:
    proxier = Proxier()
    web = service("web", WEB, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    holder = pod(ports=[{"containerPort": 80, "hostPort": 30080}])
    sync = tell(proxier, build_node("n1", NODE), web, slice_of("web", [endpoint_of("b", B)]), holder)
    decision = proxier.rules.decide("127.0.0.1", Destination(NODE, 30080, "TCP"))
    assert [each.ip for each in decision.endpoints] == [B]
    (conflict,) = sync.conflicts
    assert subject_of(conflict.loser.service) == (PODS, ObjectKey("default", "a"))
    assert str(conflict) == (f"Port conflict detected on port {NODE}:30080/tcp. default/web vs pod default/a:80")


def test_listeners_of_services_are_counted_in_each_place_and_those_of_pods_once() -> None:
    proxier = Proxier()
    web = service("web", WEB, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    served = slice_of("web", [endpoint_of("a", A)])
    tell(proxier, build_node("n1", NODE), web, served, pod(ports=[{"containerPort": 80}]))
    assert (proxier.rules.count_listeners(), proxier.rules.count_listeners(2)) == (5, 8)


def test_a_trace_says_that_a_host_port_leads_to_one_pod() -> None:
    proxier, balancer = Proxier(), LoadBalancer("random", ProxyCounters(), clock=float, rng=random.Random(7))
    tell(proxier, build_node("n1", NODE), pod(ports=[{"containerPort": 80, "hostPort": 20080}]))
    for name, rule in proxier.rules.ports.items():
        balancer.update(name, rule)
    trace = trace_packet(proxier.rules, balancer, Packet("127.0.0.1", Destination(NODE, 20080, "TCP")))
    assert trace.steps[1:] == (
        f"{NODE}:20080/tcp is the hostPort of pod default/a:80.",
        f"The rules of n1 are met: it has the address {NODE}.",
        "It leads to this pod alone: no policy and no balancing of a Service takes part.",
    )
    assert [each.endpoint.address for each in trace.candidates] == [f"{A}:80"]


def test_rules_of_pods_and_of_services_name_their_objects() -> None:
    web = ObjectKey("default", "web")
    assert subject_of(web) == (SERVICES, web)
    assert subject_of(pod_rules_key(web)) == (PODS, web)


def test_metrics_have_no_pod_for_a_service() -> None:
    counters = ProxyCounters()
    for name in ("web", "pod/a"):
        counters.update(ServicePortName("default", name, "80", "TCP"), [f"{A}:80"])
    text = expose(counters, SyncCounters(), Counter())
    assert 'service="web"' in text
    assert "pod/a" not in text

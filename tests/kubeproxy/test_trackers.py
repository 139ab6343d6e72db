"""How objects are read: which Services are ours, how slices merge, what one change touches."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build_endpoint, build_node

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeproxy.config import ProxyConfig
from kubeproxy.trackers import EndpointsChangeTracker, NodeTracker, ServiceChangeTracker

WEB = ObjectKey("default", "web")
A, B, C = "127.245.0.1", "127.245.0.2", "127.245.0.3"


def tracked(*slices: JSON) -> EndpointsChangeTracker:
    tracker = EndpointsChangeTracker()
    for each in slices:
        tracker.update(key_of(each), each)
    return tracker


@pytest.mark.parametrize(
    ("obj", "is_ours"),
    [
        pytest.param(service(), True, id="cluster-ip"),
        pytest.param(service(cluster_ip="None"), False, id="headless"),
        pytest.param(service(cluster_ip=""), False, id="no-address-yet"),
        pytest.param(
            service(cluster_ip="", type="ExternalName", externalName="example.com"), False, id="external-name"
        ),
        pytest.param(
            service(labels={"service.kubernetes.io/service-proxy-name": "other"}), False, id="anothers-by-label"
        ),
        pytest.param(service(labels={"service.kubernetes.io/headless": ""}), False, id="headless-by-label"),
    ],
)
def test_only_services_with_an_address_of_ours_are_proxied(obj: JSON, is_ours: bool) -> None:
    tracker = ServiceChangeTracker()
    tracker.update(WEB, obj)
    assert bool(tracker.ports) is is_ours
    assert tracker.take_changes() == ({WEB} if is_ours else set())


def test_a_change_that_the_proxy_does_not_read_is_no_change() -> None:
    tracker = ServiceChangeTracker()
    tracker.update(WEB, service())
    tracker.take_changes()
    tracker.update(WEB, service(annotations={"note": "new"}))
    assert tracker.take_changes() == set()


def test_a_deleted_service_is_a_change() -> None:
    tracker = ServiceChangeTracker()
    tracker.update(WEB, service())
    tracker.take_changes()
    tracker.update(WEB, None)
    assert tracker.take_changes() == {WEB}
    assert tracker.ports == {}


def test_slices_of_one_service_are_merged_and_sorted_whoever_made_them() -> None:
    tracker = tracked(slice_of("web", [C], name="x"), slice_of("web", [A, B], name="y"), slice_of("api", [A], name="z"))
    (endpoints,) = tracker.endpoints(WEB).values()
    assert [each.ip for each in endpoints] == [A, B, C]
    assert tracker.take_changes() == {WEB, ObjectKey("default", "api")}


@pytest.mark.parametrize(
    ("slices", "terminating"),
    [
        pytest.param([build_endpoint(A, terminating=True)], [True], id="alone"),
        pytest.param([build_endpoint(A, terminating=True), build_endpoint(A)], [False], id="living-replaces"),
        pytest.param([build_endpoint(A), build_endpoint(A, terminating=True)], [False], id="terminating-does-not"),
    ],
)
def test_of_duplicates_the_living_endpoint_wins(slices: list[JSON], terminating: list[bool]) -> None:
    (endpoints,) = tracked(slice_of("web", slices)).endpoints(WEB).values()
    assert [each.is_terminating for each in endpoints] == terminating


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"addressType": "FQDN"}, id="names-instead-of-addresses"),
        pytest.param({"ports": [{"name": "", "protocol": "TCP"}]}, id="port-without-a-number"),
        pytest.param({"endpoints": [{"addresses": []}]}, id="endpoint-without-an-address"),
        pytest.param({"labels": {"service.kubernetes.io/headless": ""}}, id="headless"),
    ],
)
def test_what_cannot_be_dialled_is_left_out(fields: dict[str, Any]) -> None:
    assert not any(tracked(slice_of("web", [A], **fields)).endpoints(WEB).values())


def weighed(weight: str | None, name: str = "p1", namespace: str = "default") -> JSON:
    annotations = {} if weight is None else {"kubesvc.dev/weight": weight}
    return {"metadata": {"name": name, "namespace": namespace, "annotations": annotations}}


def weights(tracker: EndpointsChangeTracker) -> list[int]:
    (endpoints,) = tracker.endpoints(WEB).values()
    return [each.weight for each in endpoints]


def test_an_endpoint_has_the_weight_of_its_pod_and_another_that_of_its_slice() -> None:
    pods = [
        {**build_endpoint(each), "targetRef": {"kind": "Pod", "name": f"p{number}"}}
        for number, each in ((1, A), (2, B))
    ]
    by_hand = slice_of("web", [C], name="y")
    by_hand["metadata"]["annotations"] = {"kubesvc.dev/weight": "7"}
    tracker = tracked(slice_of("web", pods, name="x"), by_hand)
    assert weights(tracker) == [1, 1, 7]
    tracker.take_changes()
    for pod in (weighed("0", "p2"), weighed("5", "p1", "other"), weighed(None, "p1")):
        tracker.update_pod(key_of(pod), pod)
    assert weights(tracker) == [1, 0, 7]
    assert tracker.take_changes() == {WEB}


@pytest.mark.parametrize(
    ("after", "expected"), [("5", [5]), ("256", [256]), (None, [1]), ("257", [1]), ("-1", [1]), ("many", [1])]
)
def test_a_weight_that_changes_changes_the_services_of_the_pod_alone(after: str | None, expected: list[int]) -> None:
    pod = {**build_endpoint(A), "targetRef": {"kind": "Pod", "name": "p1"}}
    tracker = tracked(slice_of("web", [pod]), slice_of("api", [B]))
    tracker.update_pod(ObjectKey("default", "p1"), weighed("3"))
    tracker.take_changes()
    tracker.update_pod(ObjectKey("default", "p1"), weighed(after))
    assert weights(tracker) == expected
    assert tracker.take_changes() == {WEB}
    tracker.update_pod(ObjectKey("default", "p1"), weighed(after))
    assert not tracker.is_changed
    tracker.update_pod(ObjectKey("default", "p1"), None)
    assert not tracker.is_changed


def test_options_of_the_default_are_those_of_services_that_ask_for_nothing() -> None:
    tracker = ServiceChangeTracker('{"choices": 3}')

    def options(**annotations: str) -> str:
        tracker.update(WEB, service(annotations={f"kubesvc.dev/{name}": each for name, each in annotations.items()}))
        return tracker.ports[WEB][0].balancer_options

    assert options() == '{"choices": 3}'
    assert options(balancer="random") == ""
    assert options(**{"balancer-options": '{"choices": 4}'}) == '{"choices": 4}'


def test_only_ports_of_http_have_an_affinity_cookie() -> None:
    tracker = ServiceChangeTracker()
    ports = [{"name": "a", "port": 80, "appProtocol": "http"}, {"name": "b", "port": 81}]
    wanted = {"kubesvc.dev/affinity-cookie": "id", "kubesvc.dev/affinity-cookie-max-age": "60"}
    tracker.update(WEB, service(ports=ports, annotations=wanted))
    assert [(each.affinity_cookie, each.cookie_max_age) for each in tracker.ports[WEB]] == [("id", "60"), ("", "")]


def test_a_slice_that_moves_to_another_service_changes_both() -> None:
    tracker = tracked(slice_of("web", [A], name="x"))
    tracker.take_changes()
    moved = slice_of("api", [A], name="x")
    tracker.update(key_of(moved), moved)
    assert tracker.take_changes() == {WEB, ObjectKey("default", "api")}
    assert tracker.endpoints(WEB) == {}


def test_a_slice_whose_endpoints_stay_the_same_changes_nothing() -> None:
    tracker = tracked(slice_of("web", [A]))
    tracker.take_changes()
    again = slice_of("web", [A])
    again["metadata"]["annotations"] = {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"}
    tracker.update(key_of(again), again)
    assert not tracker.is_changed


def test_an_endpoint_says_on_which_node_it_is() -> None:
    endpoints = [{**build_endpoint(A), "nodeName": "n1"}, {**build_endpoint(B), "nodeName": "n2"}, build_endpoint(C)]
    (found,) = tracked(slice_of("web", endpoints)).endpoints(WEB).values()
    assert [each.node_name for each in found] == ["n1", "n2", ""]


def test_a_dual_stack_service_has_each_port_once_per_family() -> None:
    tracker = ServiceChangeTracker()
    tracker.update(WEB, service(clusterIPs=["127.97.0.1", "fd00:10:96::1"], externalIPs=["fd00::9"]))
    assert [(each.name.family, each.cluster_ips, each.external_ips) for each in tracker.ports[WEB]] == [
        ("IPv4", ("127.97.0.1",), ()),
        ("IPv6", ("fd00:10:96::1",), ("fd00::9",)),
    ]


def test_node_ports_answer_at_every_internal_address_and_on_localhost() -> None:
    tracker = NodeTracker(ProxyConfig())
    tracker.update(ObjectKey("", "n1"), build_node("n1", A))
    tracker.update(ObjectKey("", "n2"), build_node("n2", B, A))
    assert tracker.nodes.addresses == (A, B, "127.0.0.1")
    before = tracker.nodes
    tracker.update(ObjectKey("", "n2"), build_node("n2", B, A))
    assert tracker.nodes is before


@pytest.mark.parametrize(
    ("change", "is_eligible"),
    [
        pytest.param({}, True, id="as-it-should-be"),
        pytest.param({"spec": {"taints": [{"key": "ToBeDeletedByClusterAutoscaler"}]}}, False, id="to-be-deleted"),
        pytest.param({"metadata": {"name": "n1", "deletionTimestamp": "x"}}, False, id="being-deleted"),
    ],
)
def test_a_node_that_leaves_is_not_eligible(change: JSON, is_eligible: bool) -> None:
    tracker = NodeTracker(ProxyConfig(node_name="n1"))
    tracker.update(ObjectKey("", "n1"), build_node("n1", A) | change)
    assert tracker.is_eligible is is_eligible

"""Where load for a Service goes, read from the status document."""

from __future__ import annotations

from typing import Any

import pytest

from kubesvc.bench.target import TargetError, Wanted, find_target, read_wanted


def port(number: int, name: str = "http", protocol: str = "TCP") -> dict[str, Any]:
    return {"name": name, "port": number, "protocol": protocol}


def listener(number: int, protocol: str = "TCP", **changes: object) -> dict[str, Any]:
    fields = {
        "kind": "clusterIP",
        "address": "127.96.0.20",
        "clusterAddress": "10.96.0.20",
        "port": number + 10_000,
        "servicePort": number,
        "protocol": protocol,
        "bound": True,
        "error": "",
    }
    return fields | changes


def service(**changes: object) -> dict[str, Any]:
    endpoint = {
        "pod": "web-1",
        "address": "10.244.1.2",
        "ready": True,
        "serving": True,
        "terminating": False,
        "weight": 5,
        "ports": [port(8080), port(53, "dns", "UDP")],
    }
    leaving = endpoint | {"pod": "web-2", "address": "10.244.1.3", "ready": False, "terminating": True}
    fields = {
        "namespace": "default",
        "name": "web",
        "type": "ClusterIP",
        "clusterIP": "10.96.0.20",
        "externalName": "",
        "proxyName": "",
        "dnsName": "web.default.svc.cluster.local",
        "ports": [port(80), port(53, "dns", "UDP")],
        "listeners": [listener(80), listener(53, "UDP", port=53)],
        "endpoints": [endpoint, leaving],
    }
    return fields | changes


def found(wanted: Wanted, *, is_inside: bool = False, **changes: object) -> Any:
    return find_target({"services": [service(**changes)]}, wanted, is_inside=is_inside)


WEB = Wanted("default", "web", "", "")


def test_load_goes_to_the_cluster_ip_as_this_machine_has_it() -> None:
    target = found(WEB)
    assert (target.address, target.port, target.protocol) == ("127.96.0.20", 10_080, "http")
    assert (target.name, target.host) == ("svc/web:80", "web.default.svc.cluster.local:80")


def test_inside_it_goes_to_the_cluster_ip_itself() -> None:
    target = found(WEB, is_inside=True)
    assert (target.address, target.port) == ("10.96.0.20", 80)


def test_answers_name_pods_by_name_or_by_endpoint() -> None:
    pods = found(WEB).pods
    assert [pods[each] for each in ("web-1", "10.244.1.2:8080", "10.244.1.2:53")] == ["web-1"] * 3
    assert pods["10.244.1.3:8080"] == "web-2"


def test_pods_that_are_ready_are_to_get_requests_by_their_weights() -> None:
    assert found(WEB).weights == {"web-1": 5}


@pytest.mark.parametrize(
    ("named", "protocol", "number", "chosen"),
    [
        ("", "udp", 53, "udp"),
        ("", "dns", 53, "dns"),
        ("dns", "", 53, "udp"),
        ("80", "tcp", 10_080, "tcp"),
        ("http", "http", 10_080, "http"),
    ],
)
def test_a_port_is_chosen_by_number_name_or_protocol(named: str, protocol: str, number: int, chosen: str) -> None:
    target = found(Wanted("default", "web", named, protocol))
    assert (target.port, target.protocol) == (number, chosen)


@pytest.mark.parametrize(
    ("wanted", "changes", "why"),
    [
        (Wanted("default", "wep", "", ""), {}, 'services "wep" not found in namespace default; there are: svc/web'),
        (Wanted("other", "web", "", ""), {}, "there are: none"),
        (Wanted("default", "web", "81", ""), {}, "has no port 81 for this; its ports are 80/TCP, 53/UDP"),
        (Wanted("default", "web", "80", "udp"), {}, "has no port 80 for udp"),
        (WEB, {"type": "ExternalName", "externalName": "example.org"}, "only a name for example.org"),
        (WEB, {"clusterIP": "None"}, "headless"),
        (WEB, {"proxyName": "mine"}, "served by the proxy 'mine', which balances nothing here$"),
        (WEB, {"proxyName": "kubedns"}, "it answers queries: --dns NAME"),
        (WEB, {"endpoints": []}, "no ready endpoint, so every client is refused; see `kubesvc explain svc/web`"),
        (
            WEB,
            {"endpoints": [each | {"weight": 0} for each in service()["endpoints"]]},
            "all endpoints .* have weight 0",
        ),
        (WEB, {"listeners": []}, "no address yet"),
        (WEB, {"listeners": [listener(80, bound=False, error="port in use")]}, "port in use"),
        (WEB, {"listeners": [listener(80, bound=False)]}, "not open yet"),
    ],
)
def test_a_service_without_a_place_for_load_is_refused(wanted: Wanted, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(TargetError, match=why):
        found(wanted, **changes)


@pytest.mark.parametrize(
    ("text", "read"), [("svc/web", ("web", "")), ("service/web:80", ("web", "80")), ("web:http", ("web", "http"))]
)
def test_a_service_is_named_with_its_port(text: str, read: tuple[str, str]) -> None:
    assert read_wanted(text) == read


@pytest.mark.parametrize("text", ["", "svc/", "pod/web", "svc/:80"])
def test_what_is_no_service_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="svc/NAME:PORT"):
        read_wanted(text)


def test_an_endpoint_that_is_no_pod_goes_by_its_address() -> None:
    outside = {**service()["endpoints"][0], "pod": "", "address": "192.0.2.1"}
    target = found(WEB, endpoints=[outside])
    assert target.weights == {"192.0.2.1:8080": 5}
    assert target.pods["192.0.2.1:8080"] == "192.0.2.1:8080"


def test_queries_go_to_the_clusters_name_server_itself() -> None:
    own = service(name="kube-dns", proxyName="kubedns")
    servers = [
        {"address": "127.96.0.10", "port": 53, "protocols": ["UDP", "TCP"], "error": "in use"},
        {"address": "127.0.0.1", "port": 10_053, "protocols": ["UDP"], "error": ""},
    ]
    status = {"services": [own], "dns": {"addresses": servers}}
    target = find_target(status, Wanted("default", "kube-dns", "", "dns"), is_inside=False)
    assert (target.address, target.port, target.pods) == ("127.0.0.1", 10_053, {})
    with pytest.raises(TargetError, match="answers nowhere over UDP"):
        find_target(status | {"dns": {"addresses": []}}, Wanted("default", "kube-dns", "", "dns"), is_inside=False)

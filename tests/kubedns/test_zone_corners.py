"""The zone in its corners, a small cluster for each: what counts, what is merged, what never shows, and the options."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubedns.objects import (
    HTTP,
    Port,
    cluster,
    endpoint,
    endpoint_slice,
    external,
    namespace,
    pod,
    service,
)
from tests.helpers.kubedns.zone import ask, handler, query

from kubeapi.meta import JSON
from kubedns.config import DNSConfig

ZONE = "cluster.local."
SHOP = f"shop.svc.{ZONE}"
TWO_PORTS: list[Port] = [("http", "TCP", 8080), ("metrics", "TCP", 9090)]


def said(objects: list[JSON], name: str, qtype: str = "A", **config: Any) -> tuple[str, list[str]]:
    """The rcode, and the sorted rdata (with its type if it is another one), of a namespace ``shop`` with objects."""
    answer = ask(handler([namespace("shop"), *objects], DNSConfig(**config)), name, qtype)
    return answer.rcode, sorted(line.split(" ", 2)[2].removeprefix(f"{qtype} ") for line in answer.answers)


def exposed(obj: JSON, **spec: Any) -> JSON:
    """The Service with more in its spec, and a load balancer in front."""
    status = {"loadBalancer": {"ingress": [{"ip": "203.0.113.5", "hostname": "lb.example.com"}]}}
    return {**obj, "spec": {**obj["spec"], **spec}, "status": status}


EXPOSED = exposed(service("web", "10.96.0.50"), type="LoadBalancer", externalIPs=["203.0.113.6"])


@pytest.mark.parametrize(
    ("obj", "addresses"),
    [
        (service("web", "10.96.0.50"), ["10.96.0.50"]),
        (exposed(service("web", "10.96.0.50"), type="NodePort"), ["10.96.0.50"]),
        (EXPOSED, ["10.96.0.50"]),
    ],
    ids=["ClusterIP", "NodePort", "LoadBalancer with external addresses"],
)
def test_a_service_of_any_type_shows_its_cluster_ip_alone(obj: JSON, addresses: list[str]) -> None:
    assert said([obj], f"web.{SHOP}") == ("NOERROR", addresses)


@pytest.mark.parametrize("address", ["5.113.0.203", "6.113.0.203"], ids=["load balancer", "external IP"])
def test_addresses_from_outside_have_no_name(address: str) -> None:
    assert said([EXPOSED], f"{address}.in-addr.arpa.", "PTR") == ("NXDOMAIN", [])


@pytest.mark.parametrize(
    ("conditions", "counts"),
    [
        ({}, True),
        ({"ready": True}, True),
        ({"ready": None}, True),
        ({"ready": True, "serving": False, "terminating": True}, True),
        ({"ready": False, "serving": True, "terminating": True}, False),
        ({"serving": True}, True),
        ({"ready": False}, False),
    ],
    ids=str,
)
def test_only_the_condition_ready_counts(conditions: JSON, counts: bool) -> None:
    objects = [
        service("db", "None"),
        endpoint_slice("db-1", "db", {"addresses": ["10.1.0.1"], "conditions": conditions}),
    ]
    expected: tuple[str, list[str]] = ("NOERROR", ["10.1.0.1"]) if counts else ("NXDOMAIN", [])
    assert said(objects, f"db.{SHOP}") == expected


def test_publishing_not_ready_addresses_is_the_business_of_who_writes_the_slice() -> None:
    db = exposed(service("db", "None"), publishNotReadyAddresses=True)
    assert said([db, endpoint_slice("db-1", "db", endpoint("10.1.0.1", ready=False))], f"db.{SHOP}")[0] == "NXDOMAIN"


@pytest.mark.parametrize("label", ["db-pod-1", "node-1"])
def test_neither_the_pod_nor_its_node_gives_an_endpoint_its_name(label: str) -> None:
    named = {**endpoint("10.1.0.1"), "targetRef": {"kind": "Pod", "name": "db-pod-1"}, "nodeName": "node-1"}
    objects = [service("db", "None"), endpoint_slice("db-1", "db", named)]
    assert said(objects, f"{label}.db.{SHOP}")[0] == "NXDOMAIN"
    assert said(objects, f"10-1-0-1.db.{SHOP}") == ("NOERROR", ["10.1.0.1"])


def test_a_port_without_a_protocol_is_tcp() -> None:
    bare: JSON = {**service("web", "10.96.0.50")["spec"], "ports": [{"name": "http", "port": 80}]}
    slice_ = {**endpoint_slice("db-1", "db", endpoint("10.1.0.1")), "ports": [{"name": "pg", "port": 5432}]}
    objects = [{**service("web", "10.96.0.50"), "spec": bare}, service("db", "None"), slice_]
    assert said(objects, f"_http._tcp.web.{SHOP}", "SRV") == ("NOERROR", [f"0 100 80 web.{SHOP}"])
    assert said(objects, f"_pg._tcp.db.{SHOP}", "SRV") == ("NOERROR", [f"0 100 5432 10-1-0-1.db.{SHOP}"])


@pytest.mark.parametrize("port", ["_web._tcp", "_8080._tcp", "_30080._tcp"], ids=["target's name", "target", "node"])
def test_only_the_port_s_own_name_is_one(port: str) -> None:
    web = exposed(service("web", "10.96.0.50"), type="NodePort")
    web["spec"]["ports"][0] |= {"targetPort": "web", "nodePort": 30080}
    objects = [web, endpoint_slice("web-1", "web", endpoint("10.1.0.1"))]
    assert said(objects, f"{port}.web.{SHOP}", "SRV")[0] == "NXDOMAIN"


@pytest.mark.parametrize(
    ("qtype", "addresses"), [("A", ["10.96.0.30"]), ("AAAA", ["fd00:96::30"])], ids=["IPv4", "IPv6"]
)
def test_the_name_of_a_port_has_the_addresses_of_its_service(qtype: str, addresses: list[str]) -> None:
    assert said([service("dual", "10.96.0.30", "fd00:96::30")], f"_http._tcp.dual.{SHOP}", qtype)[1] == addresses


def test_four_ports_share_the_weight() -> None:
    ports = [(f"p{each}", "TCP", each) for each in range(1, 5)]
    answers = said([service("web", "10.96.0.50", ports=ports)], f"web.{SHOP}", "SRV")[1]
    assert answers == [f"0 25 {each} web.{SHOP}" for each in range(1, 5)]


def test_a_headless_service_without_a_port_s_name_lists_every_port_of_every_endpoint() -> None:
    slice_ = endpoint_slice("db-1", "db", endpoint("10.1.0.1"), endpoint("10.1.0.2"), ports=TWO_PORTS)
    answers = said([service("db", "None", ports=TWO_PORTS), slice_], f"db.{SHOP}", "SRV")[1]
    assert answers == sorted(f"0 25 {port} 10-1-0-{each}.db.{SHOP}" for port in (8080, 9090) for each in (1, 2))


def test_each_endpoint_has_the_port_of_its_own_slice() -> None:
    objects = [
        service("db", "None", ports=(HTTP,)),
        endpoint_slice("db-1", "db", endpoint("10.1.0.1"), ports=(("http", "TCP", 8001),)),
        endpoint_slice("db-2", "db", endpoint("10.1.0.2"), ports=(("http", "TCP", 8002),)),
    ]
    expected = [f"0 50 8001 10-1-0-1.db.{SHOP}", f"0 50 8002 10-1-0-2.db.{SHOP}"]
    assert said(objects, f"_http._tcp.db.{SHOP}", "SRV") == ("NOERROR", expected)


def test_a_headless_service_of_two_families_has_both() -> None:
    objects = [
        service("db", "None"),
        endpoint_slice("db-4", "db", endpoint("10.1.0.1", hostname="db-0")),
        endpoint_slice("db-6", "db", endpoint("fd00:244::1", hostname="db-0")),
    ]
    assert said(objects, f"db.{SHOP}", "A")[1] == ["10.1.0.1"]
    assert said(objects, f"db.{SHOP}", "AAAA")[1] == ["fd00:244::1"]
    answer = ask(handler([namespace("shop"), *objects]), f"_http._tcp.db.{SHOP}", "SRV")
    assert answer.answers == [f"_http._tcp.db.{SHOP} 5 SRV 0 50 8080 db-0.db.{SHOP}"]
    assert answer.additional == [f"db-0.db.{SHOP} 5 A 10.1.0.1", f"db-0.db.{SHOP} 5 AAAA fd00:244::1"]


def test_an_alias_is_not_chased_for_who_asks_for_the_alias() -> None:
    assert said([external("a", f"web.{SHOP}"), service("web", "10.96.0.50")], f"a.{SHOP}", "CNAME")[1] == [
        f"web.{SHOP}"
    ]


@pytest.mark.parametrize(("length", "found"), [(1, True), (10, True), (11, False)])
def test_a_chain_of_aliases_is_followed_ten_links_far(length: int, found: bool) -> None:
    chain = [external(f"a{each}", f"a{each + 1}.{SHOP}") for each in range(length)]
    rcode, answers = said([*chain, service(f"a{length}", "10.96.0.50")], f"a0.{SHOP}")
    assert rcode == "NOERROR"
    assert len(answers) == (length + 1 if found else 0)


def test_an_alias_out_of_the_cluster_is_found_at_the_end_of_a_chain() -> None:
    objects = [namespace("shop"), external("a", f"b.{SHOP}"), external("b", "www.example.com")]
    answer = handler(objects).answer(query(f"a.{SHOP}"))
    assert answer.follow is not None
    assert answer.follow.target == b"\x03www\x07example\x03com\0"
    assert len(answer.answers) == 2


def test_a_verified_pod_has_its_first_address_alone() -> None:
    dual = pod("web", "10.244.0.1")
    dual["status"]["podIPs"] = [{"ip": "10.244.0.1"}, {"ip": "fd00:244::1"}]
    assert said([dual], f"10-244-0-1.shop.pod.{ZONE}", pods="verified") == ("NOERROR", ["10.244.0.1"])
    assert said([dual], f"fd00-244--1.shop.pod.{ZONE}", "AAAA", pods="verified")[0] == "NXDOMAIN"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Unknown"])
def test_a_verified_pod_that_is_over_has_no_name(phase: str) -> None:
    assert said([pod("web", "10.1.0.1", phase=phase)], f"10-1-0-1.shop.pod.{ZONE}", pods="verified")[0] == "NXDOMAIN"


def test_a_verified_pod_is_found_in_its_own_namespace_alone() -> None:
    objects = [namespace("other"), pod("web", "10.1.0.1")]
    assert said(objects, f"10-1-0-1.other.pod.{ZONE}", pods="verified")[0] == "NXDOMAIN"


# reverse


def test_a_cluster_ip_wins_over_an_endpoint_with_its_address() -> None:
    objects = [
        service("web", "10.96.0.50"),
        service("db", "None"),
        endpoint_slice("db-1", "db", endpoint("10.96.0.50")),
    ]
    assert said(objects, "50.0.96.10.in-addr.arpa.", "PTR") == ("NOERROR", [f"web.{SHOP}"])


def test_an_endpoint_has_one_name_for_each_service_however_many_slices_list_it() -> None:
    objects = [
        service("db", "None"),
        service("web", "10.96.0.50"),
        endpoint_slice("db-1", "db", endpoint("10.1.0.1", hostname="db-0")),
        endpoint_slice("db-2", "db", endpoint("10.1.0.1", hostname="db-0"), ports=TWO_PORTS),
        endpoint_slice("web-1", "web", endpoint("10.1.0.1")),
    ]
    expected = [f"10-1-0-1.web.{SHOP}", f"db-0.db.{SHOP}"]
    assert said(objects, "1.0.1.10.in-addr.arpa.", "PTR") == ("NOERROR", expected)


@pytest.mark.parametrize(
    "name", [f"1.0.0.0.{'0.' * 20}4.4.2.0.0.0.d.f.ip6.arpa.", f"1.0.0.0.{'0.' * 20}4.4.2.0.0.0.D.F.IP6.ARPA."]
)
def test_an_address_of_ipv6_is_read_nibble_by_nibble(name: str) -> None:
    objects = [service("six", "None"), endpoint_slice("six-1", "six", endpoint("fd00:244::1"))]
    assert said(objects, name, "PTR") == ("NOERROR", [f"fd00-244--1.six.{SHOP}"])


# types and classes that nobody has


@pytest.mark.parametrize("qtype", ["NS", "MX", "NAPTR", "DS", "SVCB", "HTTPS", "ANY"])
@pytest.mark.parametrize(
    ("name", "rcode"), [(f"web.{SHOP}", "NOERROR"), (f"_http._tcp.web.{SHOP}", "NOERROR"), (f"no.{SHOP}", "NXDOMAIN")]
)
def test_a_type_that_nobody_has_is_decided_by_the_name(name: str, rcode: str, qtype: str) -> None:
    assert said([service("web", "10.96.0.50")], name, qtype) == (rcode, [])


@pytest.mark.parametrize("qtype", [0, 13, 99, 257, 65280, 65535])
def test_a_number_that_is_no_type_is_decided_by_the_name(qtype: int) -> None:
    for name, rcode in ((f"cart.{SHOP}", "NOERROR"), (f"no.{SHOP}", "NXDOMAIN")):
        assert handler(cluster()).answer(query(name, qtype)).rcode.name == rcode


# options


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        (f"empty.{SHOP}", "NXDOMAIN"),
        (f"_http._tcp.empty.{SHOP}", "NXDOMAIN"),
        (f"tired.{SHOP}", "NXDOMAIN"),
        (f"web.{SHOP}", "NOERROR"),
        (f"ext.{SHOP}", "NOERROR"),
        (SHOP, "NOERROR"),
    ],
)
@pytest.mark.parametrize("qtype", ["A", "AAAA", "SRV"])
def test_empty_services_may_be_ignored(name: str, rcode: str, qtype: str) -> None:
    objects = [
        service("empty", "10.96.0.50"),
        service("tired", "10.96.0.51"),
        endpoint_slice("tired-1", "tired", endpoint("10.1.0.1", ready=False)),
        service("web", "10.96.0.52", "fd00:96::52"),
        endpoint_slice("web-1", "web", endpoint("10.1.0.2")),
        external("ext", "www.example.com"),
    ]
    assert said(objects, name, qtype, ignores_empty_services=True)[0] == rcode
    assert said(objects, name, qtype)[0] == "NOERROR"


# before all is known


@pytest.mark.parametrize(
    ("name", "qtype", "rcode"),
    [
        (f"web.{SHOP}", "A", "NOERROR"),
        (f"web.{SHOP}", "AAAA", "NOERROR"),
        (f"no.{SHOP}", "A", "SERVFAIL"),
        (f"no.{SHOP}", "HTTPS", "SERVFAIL"),
        ("50.0.96.10.in-addr.arpa.", "PTR", "NOERROR"),
        ("51.0.96.10.in-addr.arpa.", "PTR", "SERVFAIL"),
        ("example.com.", "A", "REFUSED"),
    ],
)
def test_until_all_is_known_what_is_missing_is_a_server_failure(name: str, qtype: str, rcode: str) -> None:
    young = handler([namespace("shop"), service("web", "10.96.0.50")])
    young._zone.has_synced = False
    answer = ask(young, name, qtype)
    assert answer.rcode == rcode
    assert bool(answer.authority) is (rcode == "SERVFAIL" or qtype == "AAAA")

"""Several zones, reverse zones, what falls through, hosts and namespaces: as a Corefile says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubedns.objects import cluster, endpoint, endpoint_slice, namespace, service
from tests.helpers.kubedns.zone import ask, handler, query, tell

from kubeapi.meta import JSON
from kubedns.config import DNSConfig, Forward
from kubedns.handler import Handler
from kubedns.types import Answer, RCode
from kubedns.zone import Records, Zone

UPSTREAM = Forward((("192.0.2.53", 53),))
HOSTS = {"www.example": ("192.0.2.7", "fd00::7"), "cart.shop.svc.cluster.local": ("192.0.2.8",)}


def answering(**config: Any) -> Handler:
    return handler(config=DNSConfig(**config))


def outcome(to: Handler, name: str, qtype: str = "A") -> str:
    """The rcode, and whether an upstream is asked first."""
    answer: Answer = to.answer(query(name, qtype))
    return f"{answer.rcode.name}{' outside' * answer.is_outside}"


def test_another_zone_has_the_same_names_and_addresses_are_named_in_the_first() -> None:
    both = answering(other_zones=("k8s.example", "Below.cluster.local"))
    assert ask(both, "cart.shop.svc.K8s.example").answers == ["cart.shop.svc.K8s.example. 5 A 10.96.0.20"]
    assert ask(both, "cart.shop.svc.below.cluster.local").answers == [
        "cart.shop.svc.below.cluster.local. 5 A 10.96.0.20"
    ]
    assert ask(both, "_http._tcp.cart.shop.svc.k8s.example", "SRV").answers == [
        "_http._tcp.cart.shop.svc.k8s.example. 5 SRV 0 100 80 cart.shop.svc.k8s.example."
    ]
    assert ask(both, "missing.shop.svc.k8s.example").authority[0].startswith("k8s.example. 5 SOA ns.dns.k8s.example.")
    assert ask(both, "20.0.96.10.in-addr.arpa", "PTR").answers[0].endswith("cart.shop.svc.cluster.local.")
    assert ask(both, "inside.shop.svc.k8s.example").answers[-1] == "cart.shop.svc.cluster.local. 5 A 10.96.0.20"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20.0.96.10.in-addr.arpa", "NOERROR"),
        ("21.0.96.10.in-addr.arpa", "NXDOMAIN"),
        ("1.0.244.10.in-addr.arpa", "REFUSED outside"),
        ("1.0.0.127.in-addr.arpa", "REFUSED outside"),
    ],
)
def test_only_the_reverse_zones_that_are_named_are_the_clusters(name: str, expected: str) -> None:
    named = answering(reverse_zones=("96.10.in-addr.arpa",), fallthrough=())
    assert outcome(named, name, "PTR") == expected
    assert ask(named, "96.10.in-addr.arpa", "SOA").answers[0].startswith("96.10.in-addr.arpa. 5 SOA")


@pytest.mark.parametrize(
    ("zones", "name", "expected"),
    [
        ((), "missing.shop.svc.cluster.local", "NXDOMAIN"),
        ((), "9.9.9.9.in-addr.arpa", "NXDOMAIN"),
        ((".",), "missing.shop.svc.cluster.local", "NXDOMAIN outside"),
        ((".",), "cart.shop.svc.cluster.local", "NOERROR"),
        (("shop.svc.cluster.local",), "missing.shop.svc.cluster.local", "NXDOMAIN outside"),
        (("shop.svc.cluster.local",), "missing.svc.svc.cluster.local", "NXDOMAIN"),
        (("in-addr.arpa",), "9.9.9.9.in-addr.arpa", "NXDOMAIN outside"),
    ],
)
def test_what_does_not_exist_falls_through_in_the_zones_that_say_so(
    zones: tuple[str, ...], name: str, expected: str
) -> None:
    assert outcome(answering(fallthrough=zones), name, "PTR" if "arpa" in name else "A") == expected


def test_a_block_without_upstreams_fails_and_names_of_no_block_are_refused() -> None:
    blocks = answering(server_zones=("example.org", "cluster.local", "in-addr.arpa"))
    assert outcome(blocks, "www.example.org") == "SERVFAIL outside"
    assert outcome(blocks, "www.example.com") == "REFUSED outside"
    assert outcome(blocks, "9.9.9.9.in-addr.arpa", "PTR") == "SERVFAIL outside"


def test_hosts_go_before_the_clusters_names_and_have_a_ttl_of_their_own() -> None:
    hosts = answering(hosts=HOSTS, hosts_ttl=60)
    assert ask(hosts, "WWW.example").answers == ["WWW.example. 60 A 192.0.2.7"]
    assert ask(hosts, "www.example", "AAAA").answers == ["www.example. 60 AAAA fd00::7"]
    assert ask(hosts, "cart.shop.svc.cluster.local").answers == ["cart.shop.svc.cluster.local. 60 A 192.0.2.8"]
    assert ask(hosts, "www.example", "MX").rcode == "NOERROR"
    assert ask(hosts, "7.2.0.192.in-addr.arpa", "PTR").answers == ["7.2.0.192.in-addr.arpa. 60 PTR www.example."]
    assert (
        outcome(answering(hosts=HOSTS, has_reverse_hosts=False), "7.2.0.192.in-addr.arpa", "PTR") == "NXDOMAIN outside"
    )


@pytest.mark.parametrize(
    ("name", "qtype", "expected"),
    [
        ("cart.shop.svc.cluster.local", "A", "NXDOMAIN"),
        ("shop.svc.cluster.local", "A", "NXDOMAIN"),
        ("svc.svc.svc.cluster.local", "A", "NOERROR"),
        ("20.0.96.10.in-addr.arpa", "PTR", "NXDOMAIN outside"),
        ("1.0.244.10.in-addr.arpa", "PTR", "NXDOMAIN outside"),
        ("35.0.96.10.in-addr.arpa", "PTR", "NOERROR"),
    ],
)
def test_only_the_namespaces_that_are_named_have_names(name: str, qtype: str, expected: str) -> None:
    config = DNSConfig(namespaces=("svc",))
    zone = Zone(lambda: 1.0, Records(config.namespaces))
    zone.has_synced = True
    tell(zone, *cluster())
    assert outcome(Handler(zone, config), name, qtype) == expected


def own_service(**target: str) -> list[JSON]:
    slice_ = endpoint_slice("own-1", "own", endpoint("10.244.7.7") | {"targetRef": target})
    return [namespace("shop"), service("own", "10.96.0.99"), slice_]


def test_the_name_server_is_the_service_that_has_it_as_an_endpoint() -> None:
    config = DNSConfig(cluster_dns=None)
    there, alone = (
        Handler(handler(own_service())._zone, config, ["10.244.7.7"]),
        Handler(handler([])._zone, config, ["10.244.7.7"]),
    )
    assert ask(there, "cluster.local", "NS").answers == ["cluster.local. 5 NS own.shop.svc.cluster.local."]
    assert ask(there, "ns.dns.cluster.local").answers == ["ns.dns.cluster.local. 5 A 10.96.0.99"]
    assert ask(alone, "cluster.local", "NS").additional == ["ns.dns.cluster.local. 5 A 10.244.7.7"]


def test_endpoints_may_have_the_names_of_their_pods() -> None:
    zone = Zone(lambda: 1.0, Records(has_pod_names=True))
    zone.has_synced = True
    tell(zone, *own_service(kind="Pod", name="own-abc"))
    named = Handler(zone, DNSConfig())
    assert ask(named, "own-abc.own.shop.svc.cluster.local").answers == [
        "own-abc.own.shop.svc.cluster.local. 5 A 10.244.7.7"
    ]
    assert ask(named, "10-244-7-7.own.shop.svc.cluster.local").rcode == "NXDOMAIN"


def test_with_upstreams_for_all_names_the_class_is_not_looked_at() -> None:
    chaos = query("cart.shop.svc.cluster.local", "A", 3)
    assert answering(forwards={".": UPSTREAM}).answer(chaos).rcode == RCode.NOERROR
    assert answering(forwards={"a.example": UPSTREAM}).answer(chaos).rcode == RCode.REFUSED

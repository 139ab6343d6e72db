from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.helpers.kubedns.objects import cluster
from tests.helpers.kubedns.zone import handler, query, zone_of

from kubedns.config import DNSConfig, Forward
from kubedns.explain import Explainer, Explanation
from kubedns.handler import Handler
from kubedns.types import Labels, QType, Why


def explain(
    name: str, qtype: str = "A", namespace: str = "shop", *, config: DNSConfig | None = None, has_upstream: bool = False
) -> Explanation:
    def can_ask(_labels: Labels) -> bool:
        return has_upstream

    config = config or DNSConfig()
    return Explainer(handler(config=config), config, can_ask).explain(name, QType[qtype], namespace)


ZONE = "cluster.local"
ONE_LOOKUP = [
    pytest.param("cart.shop.svc", "A", "NOERROR", "It is Service shop/cart, of whose addresses", id="cluster-ip"),
    pytest.param("cart.shop.svc", "AAAA", "NODATA", "Service shop/cart has no IPv6 address.", id="other-family"),
    pytest.param("cart.shop.svc", "TXT", "NODATA", "Service shop/cart has no records of type TXT.", id="other-type"),
    pytest.param(
        "shop.svc", "TXT", "NXDOMAIN", "It is the namespace shop, which has no records of its own.", id="text"
    ),
    pytest.param("missing.shop.svc", "SOA", "NODATA", "There is no Service missing in namespace shop.", id="authority"),
    pytest.param(
        "crat.shop.svc", "A", "NXDOMAIN", "There is no Service crat in namespace shop (did you mean cart?).", id="typo"
    ),
    pytest.param("cart.svc.svc", "A", "NXDOMAIN", "There is one in namespace shop.", id="other-namespace"),
    pytest.param(
        "cart.shpo.svc", "A", "NXDOMAIN", "There is no namespace shpo (did you mean shop?).", id="no-namespace"
    ),
    pytest.param("orphan.nowhere.svc", "A", "NXDOMAIN", "There is no namespace nowhere.", id="orphan"),
    pytest.param("shop.svc", "A", "NODATA", "It is the namespace shop", id="namespace"),
    pytest.param("svc", "A", "NODATA", '"svc" alone is nothing that has records.', id="kind"),
    pytest.param("cart.shop", "A", "NXDOMAIN", f"There is a Service of that name: cart.shop.svc.{ZONE}.", id="no-svc"),
    pytest.param("a.b.c.cart.shop.svc", "A", "NXDOMAIN", "has too many labels", id="too-long"),
    pytest.param("_http._tcp.cart.shop.svc", "SRV", "NOERROR", "It is the port _http._tcp of", id="port"),
    pytest.param("_web._tcp.cart.shop.svc", "SRV", "NXDOMAIN", "its ports are _http._tcp.", id="no-such-port"),
    pytest.param("_x._tcp.unnamed.shop.svc", "SRV", "NXDOMAIN", "it has no named ports.", id="no-named-ports"),
    pytest.param("blue.cart.shop.svc", "A", "NOERROR", "It is an endpoint of Service shop/cart.", id="endpoint"),
    pytest.param("red.cart.shop.svc", "A", "NXDOMAIN", "they are 10-244-0-1, blue.", id="no-such-endpoint"),
    pytest.param("db.shop.svc", "A", "NOERROR", "is headless: it has 2 ready endpoints", id="headless"),
    pytest.param("asleep.shop.svc", "A", "NXDOMAIN", "is headless and has no ready endpoint", id="headless-empty"),
    pytest.param("six.shop.svc", "A", "NODATA", "Service shop/six has no IPv4 address.", id="headless-v6"),
    pytest.param("10-244-1-5.shop.pod", "A", "NOERROR", "It is the name of the address 10.244.1.5", id="pod"),
    pytest.param("10-244-1-5.shop.pod", "AAAA", "NODATA", "with an IPv4 address has no IPv6 address", id="pod-v6"),
    pytest.param("web-1.shop.pod", "A", "NXDOMAIN", "web-1 is no address", id="pod-by-name"),
    pytest.param("ns.dns", "A", "NOERROR", "It is one of the zone's own names.", id="own-name"),
]


@pytest.mark.parametrize(("name", "qtype", "rcode", "reason"), ONE_LOOKUP)
def test_an_answer_in_the_zone_is_explained(name: str, qtype: str, rcode: str, reason: str) -> None:
    (lookup,) = explain(f"{name}.{ZONE}.", qtype).lookups
    assert (lookup.name, lookup.type, lookup.rcode) == (f"{name}.{ZONE}.", qtype, rcode)
    assert any(reason in each for each in lookup.reasons), lookup.reasons


def alias(name: str, qtype: str = "A") -> Sequence[str]:
    (lookup,) = explain(f"{name}.shop.svc.{ZONE}.", qtype).lookups
    return lookup.reasons


def test_an_external_name_is_explained_with_its_target() -> None:
    names = [each["metadata"]["name"] for each in cluster() if each.get("spec", {}).get("type") == "ExternalName"]
    assert names
    for name in names:
        assert any("is an ExternalName" in each for each in alias(name)), name
        assert any("nothing below its name" in each or "no alias" in each for each in alias(f"x.{name}")), name


def test_an_address_is_asked_for_by_its_reverse_name() -> None:
    (found,) = explain("10.96.0.20").lookups
    assert found.answers == (f"20.0.96.10.in-addr.arpa. 5 IN PTR cart.shop.svc.{ZONE}.",)
    assert found.reasons == ("The address is that of a Service or of its ready endpoints.",)
    (missing,) = explain("10.96.9.9").lookups
    assert missing.rcode == "NXDOMAIN"
    assert missing.reasons[0].startswith("No Service has the address as its cluster IP")


def test_a_short_name_walks_the_search_list_and_stops_at_the_first_answer() -> None:
    found = explain("cart", namespace="shop")
    assert [(each.name, each.rcode) for each in found.lookups] == [(f"cart.shop.svc.{ZONE}.", "NOERROR")]
    walk = explain("cart.shop", namespace="svc")
    assert [(each.name, each.rcode) for each in walk.lookups] == [
        (f"cart.shop.svc.svc.{ZONE}.", "NXDOMAIN"),
        (f"cart.shop.svc.{ZONE}.", "NOERROR"),
    ]
    assert walk.notes == ("cart.shop has fewer than 5 dots: a pod in namespace svc tries its search list first.",)


@pytest.mark.parametrize(
    ("has_upstream", "rcode", "reason"),
    [
        pytest.param(False, "REFUSED", f"It is not below {ZONE}, and there is no upstream", id="nobody-to-ask"),
        pytest.param(True, "UPSTREAM", "the upstream name servers are asked (9.9.9.9:53).", id="upstream"),
    ],
)
def test_a_name_outside_is_somebody_elses(has_upstream: bool, rcode: str, reason: str) -> None:
    config = DNSConfig(forwards={".": Forward((("9.9.9.9", 53),))})
    last = explain("example.com", config=config, has_upstream=has_upstream).lookups[-1]
    assert (last.name, last.rcode) == ("example.com.", rcode)
    assert reason in last.reasons[0]


def test_a_host_of_the_configuration_is_said_to_be_one() -> None:
    config = DNSConfig(hosts={"k8s.service.com": ("10.65.40.20",)})
    (lookup,) = explain("k8s.service.com.", config=config).lookups
    assert lookup.answers == ("k8s.service.com. 5 IN A 10.65.40.20",)
    assert lookup.reasons == ("It is one of the hosts outside the cluster that the configuration names.",)


@pytest.mark.parametrize(
    ("pods", "name", "reason"),
    [
        pytest.param("disabled", "10-244-1-5.shop.pod", "Names of pods are switched off.", id="disabled"),
        pytest.param("verified", "10-244-9-9.shop.pod", "No pod in namespace shop has the address", id="verified"),
    ],
)
def test_what_is_switched_off_is_said(pods: str, name: str, reason: str) -> None:
    (lookup,) = explain(f"{name}.{ZONE}.", config=DNSConfig(pods=pods)).lookups
    assert lookup.rcode == "NXDOMAIN"
    assert reason in lookup.reasons[0]


def test_before_everything_is_known_nothing_is_denied() -> None:
    zone = zone_of(cluster())
    zone.has_synced = False
    config = DNSConfig()
    explainer = Explainer(Handler(zone, config), config, lambda _: False)
    (lookup,) = explainer.explain(f"crat.shop.svc.{ZONE}.", QType.A, "shop").lookups
    assert lookup.rcode == "SERVFAIL"
    assert "not yet learned" in lookup.reasons[0]


WHYS = [
    (Why.APEX, ZONE, "MX", {}),
    (Why.KIND, f"svc.{ZONE}", "A", {}),
    (Why.NAMESPACE, f"shop.svc.{ZONE}", "A", {}),
    (Why.POD, f"10-244-1-5.shop.pod.{ZONE}", "A", {}),
    (Why.CLUSTER_IP, f"cart.shop.svc.{ZONE}", "A", {}),
    (Why.HEADLESS, f"db.shop.svc.{ZONE}", "A", {}),
    (Why.ENDPOINT, f"blue.cart.shop.svc.{ZONE}", "A", {}),
    (Why.PORT, f"_http._tcp.cart.shop.svc.{ZONE}", "SRV", {}),
    (Why.ALIAS, f"inside.shop.svc.{ZONE}", "A", {}),
    (Why.ALIAS_OUTSIDE, f"ext.shop.svc.{ZONE}", "A", {}),
    (Why.ALIAS_WITHOUT_TARGET, f"ext.shop.svc.{ZONE}", "TXT", {}),
    (Why.REVERSE, "20.0.96.10.in-addr.arpa", "PTR", {}),
    (Why.HOST, "www.example.com", "A", {"hosts": {"www.example.com": ("192.0.2.1",)}}),
    (Why.UNKNOWN_KIND, f"cart.shop.{ZONE}", "A", {}),
    (Why.TOO_MANY_LABELS, f"a.b.c.cart.shop.svc.{ZONE}", "A", {}),
    (Why.NO_NAMESPACE, f"cart.shpo.svc.{ZONE}", "A", {}),
    (Why.PODS_DISABLED, f"10-244-1-5.shop.pod.{ZONE}", "A", {"pods": "disabled"}),
    (Why.NO_ADDRESS, f"web-1.shop.pod.{ZONE}", "A", {}),
    (Why.NO_POD, f"10-244-9-9.shop.pod.{ZONE}", "A", {"pods": "verified"}),
    (Why.NO_SERVICE, f"crat.shop.svc.{ZONE}", "A", {}),
    (Why.INVALID_ALIAS, f"literal.shop.svc.{ZONE}", "A", {}),
    (Why.BELOW_ALIAS, f"x.ext.shop.svc.{ZONE}", "A", {}),
    (Why.NO_ENDPOINT, f"red.cart.shop.svc.{ZONE}", "A", {}),
    (Why.NO_PORT, f"_web._tcp.cart.shop.svc.{ZONE}", "SRV", {}),
    (Why.NO_READY_ENDPOINT, f"asleep.shop.svc.{ZONE}", "A", {}),
    (Why.LEFT_OUT, f"dual.shop.svc.{ZONE}", "A", {"ignores_empty_services": True}),
    (Why.NO_REVERSE, "9.9.96.10.in-addr.arpa", "PTR", {}),
    (Why.BELOW_APEX, "9.9.96.10.in-addr.arpa", "SOA", {}),
    (Why.TRANSFER, ZONE, "AXFR", {}),
    (Why.OUTSIDE, "example.com", "A", {}),
]


@pytest.mark.parametrize(("why", "name", "qtype", "config"), WHYS, ids=[each.name for each, *_ in WHYS])
def test_the_handler_gives_a_reason_and_every_reason_is_explained(
    why: Why, name: str, qtype: str, config: dict[str, Any]
) -> None:
    settings = DNSConfig(**config)
    assert handler(config=settings).answer(query(name, qtype)).why is why
    (lookup,) = explain(f"{name}.", qtype, config=settings).lookups
    assert lookup.reasons
    assert "{" not in "".join(lookup.reasons)


def test_no_reason_is_left_out_of_the_table() -> None:
    assert {why for why, *_ in WHYS} == set(Why)


@pytest.mark.parametrize("name", ["", "a..b", f"{'x' * 64}.example.com", "ü.example.com"])
def test_what_is_no_name_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"label|ascii|name"):
        explain(name)

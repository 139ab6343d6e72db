"""The zone, line by line: what is asked, and what a stock CoreDNS (or a strict server) says."""

from __future__ import annotations

import pytest
from tests.helpers.kubedns.objects import endpoint, endpoint_slice, namespace, service
from tests.helpers.kubedns.zone import ask, handler, query, said

from kubedns.config import DNSConfig, Forward

ZONE = "cluster.local."
SHOP = f"shop.svc.{ZONE}"
SOA = f"{ZONE} 5 SOA ns.dns.{ZONE} hostmaster.{ZONE} 1700000000 7200 1800 86400 5"

DATA: list[tuple[str, str, list[str]]] = [
    # a cluster IP: all addresses of the family, with or without endpoints
    (f"cart.{SHOP}", "A", ["A 10.96.0.20"]),
    (f"dual.{SHOP}", "A", ["A 10.96.0.30"]),
    (f"dual.{SHOP}", "AAAA", ["AAAA fd00:96::30"]),
    (f"v6.{SHOP}", "AAAA", ["AAAA fd00:96::31"]),
    (f"_http._tcp.cart.{SHOP}", "A", ["A 10.96.0.20"]),
    (f"http.tcp.cart.{SHOP}", "A", ["A 10.96.0.20"]),
    (f"_HTTP._Tcp.cart.{SHOP}", "A", ["A 10.96.0.20"]),
    # services and namespaces called like the kinds
    (f"svc.{SHOP}", "A", ["A 10.96.0.34"]),
    (f"svc.svc.svc.{ZONE}", "A", ["A 10.96.0.35"]),
    (f"pod.svc.svc.{ZONE}", "A", ["A 10.96.0.36"]),
    # endpoints below a cluster IP
    (f"blue.cart.{SHOP}", "A", ["A 10.244.0.2"]),
    (f"10-244-0-1.cart.{SHOP}", "A", ["A 10.244.0.1"]),
    # headless: ready or unset, over all slices, each address once
    (f"db.{SHOP}", "A", ["A 10.244.1.1", "A 10.244.1.2"]),
    (f"_pg._tcp.db.{SHOP}", "A", ["A 10.244.1.1", "A 10.244.1.2"]),
    (f"db-0.db.{SHOP}", "A", ["A 10.244.1.1"]),
    (f"10-244-1-2.db.{SHOP}", "A", ["A 10.244.1.2"]),
    (f"portless.{SHOP}", "A", ["A 10.244.1.20"]),
    (f"t.twins.{SHOP}", "A", ["A 10.244.1.40", "A 10.244.1.41"]),
    (f"six.{SHOP}", "AAAA", ["AAAA fd00:244::2", "AAAA fd00:244:5::"]),
    (f"fd00-244--2.six.{SHOP}", "AAAA", ["AAAA fd00:244::2"]),
    (f"fd00-244-5--0.six.{SHOP}", "AAAA", ["AAAA fd00:244:5::"]),
    # external names
    (f"ext.{SHOP}", "CNAME", ["CNAME Foo.Example.com."]),
    (f"dotted.{SHOP}", "CNAME", ["CNAME foo.example.com."]),
    (f"self.{SHOP}", "CNAME", [f"CNAME self.{SHOP}"]),
    # pods by address
    (f"10-244-0-1.shop.pod.{ZONE}", "A", ["A 10.244.0.1"]),
    (f"1-2-3-4.shop.pod.{ZONE}", "A", ["A 1.2.3.4"]),
    (f"x.1-2-3-4.shop.pod.{ZONE}", "A", ["A 1.2.3.4"]),
    (f"fd00-244--7.shop.pod.{ZONE}", "AAAA", ["AAAA fd00:244::7"]),
    (f"--1.shop.pod.{ZONE}", "AAAA", ["AAAA ::1"]),
    # the apex and the fixed names
    (ZONE, "SOA", [SOA.removeprefix(f"{ZONE} 5 ")]),
    (ZONE, "NS", [f"NS kube-dns.kube-system.svc.{ZONE}"]),
    (f"ns.dns.{ZONE}", "A", ["A 10.96.0.10"]),
    # reverse: a cluster IP, then endpoints, one for each service
    ("20.0.96.10.in-addr.arpa.", "PTR", [f"PTR cart.{SHOP}"]),
    ("37.0.96.10.in-addr.arpa.", "PTR", [f"PTR orphan.nowhere.svc.{ZONE}"]),
    ("1.1.244.10.in-addr.arpa.", "PTR", [f"PTR db-0.db.{SHOP}"]),
    ("1.0.244.10.in-addr.arpa.", "PTR", [f"PTR 10-244-0-1.cart.{SHOP}"]),
    (f"0.3.0.0.{'0.' * 20}6.9.0.0.0.0.d.f.ip6.arpa.", "PTR", [f"PTR dual.{SHOP}"]),
]


@pytest.mark.parametrize(("name", "qtype", "rdata"), DATA, ids=[f"{name} {qtype}" for name, qtype, _ in DATA])
def test_a_name_has_its_records(name: str, qtype: str, rdata: list[str]) -> None:
    answer = ask(handler(), name, qtype)
    assert answer.rcode == "NOERROR"
    assert sorted(answer.answers) == sorted(f"{name} 5 {each}" for each in rdata)


def test_the_version_of_the_schema_has_a_ttl_of_its_own() -> None:
    assert ask(handler(), f"dns-version.{ZONE}", "TXT").answers == [f'dns-version.{ZONE} 28800 TXT "1.1.0"']


NODATA = [
    (f"cart.{SHOP}", "AAAA"),
    (f"v6.{SHOP}", "A"),
    (f"db.{SHOP}", "AAAA"),
    (f"six.{SHOP}", "A"),
    (f"blue.cart.{SHOP}", "AAAA"),
    (f"portless.{SHOP}", "SRV"),
    *((f"cart.{SHOP}", each) for each in ("TXT", "MX", "CNAME", "HTTPS", "SVCB", "ANY", "NAPTR", "DS", "PTR", "SOA")),
    *((f"ext.{SHOP}", each) for each in ("SRV", "TXT", "MX", "HTTPS", "ANY")),
    *((ZONE, each) for each in ("A", "AAAA", "SRV", "ANY", "MX")),
    *((f"{kind}.{ZONE}", "A") for kind in ("svc", "pod")),
    *((f"shop.{kind}.{ZONE}", each) for kind in ("svc", "pod") for each in ("A", "SRV")),
    (f"1-2-3-4.shop.pod.{ZONE}", "AAAA"),
    (f"1-2-3-4.shop.pod.{ZONE}", "TXT"),
    (f"fd00-244--7.shop.pod.{ZONE}", "A"),
    *((f"{name}.{ZONE}", "SOA") for name in ("dns-version", "dns", "anything", "missing.shop.svc", "a.b.c.d.svc")),
    (f"ns.dns.{ZONE}", "AAAA"),
    *((f"{name}.{SHOP}", "A") for name in ("dangling", "self", "ping", "pong")),
    (f"inside.{SHOP}", "AAAA"),
]


@pytest.mark.parametrize(("name", "qtype"), NODATA, ids=[f"{name} {qtype}" for name, qtype in NODATA])
def test_a_name_that_exists_without_such_records_is_no_data(name: str, qtype: str) -> None:
    assert ask(handler(), name, qtype) == ("NOERROR", [], [SOA], [])


NXDOMAIN = [
    f"missing.{SHOP}",
    f"cart.missing.svc.{ZONE}",
    f"orphan.nowhere.svc.{ZONE}",
    f"missing.svc.{ZONE}",
    f"missing.pod.{ZONE}",
    f"cart.shop.{ZONE}",
    f"anything.{ZONE}",
    f"_ftp._tcp.cart.{SHOP}",
    f"_http._udp.cart.{SHOP}",
    f"_80._tcp.cart.{SHOP}",
    f"_._tcp.cart.{SHOP}",
    f"_http._.cart.{SHOP}",
    f"_._.cart.{SHOP}",
    f"_tcp.cart.{SHOP}",
    f"_http.cart.{SHOP}",
    f"a.b.c.cart.{SHOP}",
    f"a.b.c.d.e.cart.{SHOP}",
    f"10-244-0-2.cart.{SHOP}",
    f"10-244-1-1.db.{SHOP}",
    f"10-244-1-3.db.{SHOP}",
    f"fd00-244-0-0-0-0-0-2.six.{SHOP}",
    f"asleep.{SHOP}",
    f"_http._tcp.asleep.{SHOP}",
    f"_http._tcp.portless.{SHOP}",
    f"literal.{SHOP}",
    f"x.ext.{SHOP}",
    f"_http._tcp.ext.{SHOP}",
    f"a.b.ext.{SHOP}",
    f"*.{SHOP}",
    f"any.{SHOP}",
    f"*.shop.pod.{ZONE}",
    f"cart.any.svc.{ZONE}",
    f"cart.shop.fed.svc.{ZONE}",
    f"zone-a.pin._zone.cart.{SHOP}",
    f"300-1-1-1.shop.pod.{ZONE}",
    f"01-2-3-4.shop.pod.{ZONE}",
    f"1-2-3.shop.pod.{ZONE}",
    f"web.shop.pod.{ZONE}",
    f"1-2-3-4.missing.pod.{ZONE}",
    f"x.dns-version.{ZONE}",
    f"x.dns.{ZONE}",
    f"_.{SHOP}",
    f"a.b.c.1-2-3-4.shop.pod.{ZONE}",
    f"fe80--1%lo.shop.pod.{ZONE}",
]


@pytest.mark.parametrize("qtype", ["A", "AAAA", "SRV", "TXT", "HTTPS", "CNAME", "ANY"])
@pytest.mark.parametrize("name", NXDOMAIN)
def test_any_other_name_of_the_zone_does_not_exist_for_any_type(name: str, qtype: str) -> None:
    assert ask(handler(), name, qtype) == ("NXDOMAIN", [], [SOA], [])


@pytest.mark.parametrize(
    ("name", "qtype"),
    [
        *((name, "TXT") for name in ("", "svc.", "pod.", "shop.svc.", "shop.pod.", "ns.dns.")),
        *(("dns-version.", qtype) for qtype in ("A", "MX", "ANY")),
        *(("dns.", qtype) for qtype in ("A", "TXT", "ANY")),
        ("ns.dns.", "PTR"),
    ],
)
def test_where_coredns_denies_a_name_for_a_type_so_do_we(name: str, qtype: str) -> None:
    assert ask(handler(), f"{name}{ZONE}", qtype) == ("NXDOMAIN", [], [SOA], [])


@pytest.mark.parametrize("left", ["", "x."])
def test_a_pod_s_name_has_a_service_record_that_leads_to_port_0(left: str) -> None:
    name, pod = f"{left}1-2-3-4.shop.pod.{ZONE}", f"1-2-3-4.shop.pod.{ZONE}"
    assert ask(handler(), name, "SRV") == ("NOERROR", [f"{name} 5 SRV 0 100 0 {pod}"], [], [f"{pod} 5 A 1.2.3.4"])


SRV: list[tuple[str, list[str], list[str]]] = [
    (f"_http._tcp.cart.{SHOP}", [f"0 100 80 cart.{SHOP}"], [f"cart.{SHOP} 5 A 10.96.0.20"]),
    (f"cart.{SHOP}", [f"0 50 80 cart.{SHOP}", f"0 50 9000 cart.{SHOP}"], [f"cart.{SHOP} 5 A 10.96.0.20"]),
    (f"unnamed.{SHOP}", [f"0 100 80 unnamed.{SHOP}"], [f"unnamed.{SHOP} 5 A 10.96.0.32"]),
    (f"samename.{SHOP}", [f"0 50 53 samename.{SHOP}"], [f"samename.{SHOP} 5 A 10.96.0.33"]),
    (
        f"_http._tcp.dual.{SHOP}",
        [f"0 50 80 dual.{SHOP}"],
        [f"dual.{SHOP} 5 A 10.96.0.30", f"dual.{SHOP} 5 AAAA fd00:96::30"],
    ),
    (f"blue.cart.{SHOP}", [f"0 100 8080 blue.cart.{SHOP}"], [f"blue.cart.{SHOP} 5 A 10.244.0.2"]),
    (
        # three tuples, the same endpoint in two slices: weighted before they are merged; the port is the slice's
        f"_pg._tcp.db.{SHOP}",
        [f"0 33 15432 db-0.db.{SHOP}", f"0 33 15432 10-244-1-2.db.{SHOP}"],
        [f"db-0.db.{SHOP} 5 A 10.244.1.1", f"10-244-1-2.db.{SHOP} 5 A 10.244.1.2"],
    ),
    (
        # a port without a number counts toward the weight and is not shown
        f"nilport.{SHOP}",
        [f"0 50 8080 10-244-1-30.nilport.{SHOP}"],
        [f"10-244-1-30.nilport.{SHOP} 5 A 10.244.1.30"],
    ),
    (
        f"twins.{SHOP}",
        [f"0 50 8080 t.twins.{SHOP}"],
        [f"t.twins.{SHOP} 5 A 10.244.1.40", f"t.twins.{SHOP} 5 A 10.244.1.41"],
    ),
]


@pytest.mark.parametrize(("name", "rdata", "glue"), SRV, ids=[name for name, _, _ in SRV])
def test_a_service_record_names_target_and_port_with_glue(name: str, rdata: list[str], glue: list[str]) -> None:
    answer = ask(handler(), name, "SRV")
    assert answer == ("NOERROR", [f"{name} 5 SRV {each}" for each in rdata], [], glue)


@pytest.mark.parametrize(("endpoints", "weight"), [(1, 100), (6, 16), (120, 1)])
def test_the_weight_is_shared_by_the_endpoints(endpoints: int, weight: int) -> None:
    addresses = [endpoint(f"10.244.9.{each}") for each in range(endpoints)]
    objects = [namespace("shop"), service("big", "None"), endpoint_slice("big-1", "big", *addresses)]
    answers = ask(handler(objects), f"big.{SHOP}", "SRV").answers
    assert len(answers) == endpoints
    assert all(f" SRV 0 {weight} 8080 " in each for each in answers)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("inside", [f"inside.{SHOP} 5 CNAME cart.{SHOP}", f"cart.{SHOP} 5 A 10.96.0.20"]),
        (
            "twice",
            [
                f"twice.{SHOP} 5 CNAME inside.{SHOP}",
                f"inside.{SHOP} 5 CNAME cart.{SHOP}",
                f"cart.{SHOP} 5 A 10.96.0.20",
            ],
        ),
    ],
)
def test_an_alias_inside_the_zone_is_chased(name: str, answers: list[str]) -> None:
    assert ask(handler(), f"{name}.{SHOP}").answers == answers


HOSTS = DNSConfig(hosts={"k8s.service.com": ("203.0.113.7", "2001:db8::7"), "only4.example.": ("203.0.113.8",)})


@pytest.mark.parametrize(
    ("name", "qtype", "answers"),
    [
        ("k8s.service.com.", "A", ["k8s.service.com. 5 A 203.0.113.7"]),
        ("K8s.Service.COM.", "AAAA", ["K8s.Service.COM. 5 AAAA 2001:db8::7"]),
        ("only4.example.", "AAAA", []),
        ("only4.example.", "MX", []),
        (
            f"hosted.{SHOP}",
            "A",
            [f"hosted.{SHOP} 5 CNAME k8s.service.com.", "k8s.service.com. 5 A 203.0.113.7"],
        ),
        ("7.113.0.203.in-addr.arpa.", "PTR", ["7.113.0.203.in-addr.arpa. 5 PTR k8s.service.com."]),
    ],
)
def test_a_host_outside_the_zone_has_its_addresses(name: str, qtype: str, answers: list[str]) -> None:
    assert ask(handler(config=HOSTS), name, qtype)[:2] == ("NOERROR", answers)


def test_an_alias_to_the_outside_is_left_to_an_upstream() -> None:
    answer = handler().answer(query(f"ext.{SHOP}"))
    assert answer.follow is not None
    assert answer.follow.target == b"\x03Foo\x07Example\x03com\0"
    assert [each.type for each in answer.answers] == [5]


@pytest.mark.parametrize(
    "name", ["example.com.", "xcluster.local.", "local.", ".", "cluster.local.example.com.", "com.cluster.locals."]
)
def test_a_name_outside_the_zone_is_refused_without_authority(name: str) -> None:
    answer = handler().answer(query(name))
    assert (answer.rcode.name, answer.is_authoritative, answer.is_outside) == ("REFUSED", False, True)


@pytest.mark.parametrize("name", ["9.9.9.9.in-addr.arpa.", "96.10.in-addr.arpa.", "1.2.ip6.arpa.",
                                  "01.0.96.10.in-addr.arpa.", "256.0.96.10.in-addr.arpa.", "x.20.0.96.10.in-addr.arpa.",
                                  "3.1.244.10.in-addr.arpa."])  # fmt: skip
def test_an_unknown_reverse_name_is_for_an_upstream_and_does_not_exist_without_one(name: str) -> None:
    answer = handler().answer(query(name, "PTR"))
    zone = "ip6.arpa." if "ip6" in name else "in-addr.arpa."
    assert answer.is_outside
    assert said(answer).rcode == "NXDOMAIN"
    assert said(answer).authority[0].startswith(f"{zone} 5 SOA ns.dns.{zone} ")


@pytest.mark.parametrize("qtype", ["A", "TXT", "ANY"])
def test_other_data_of_a_known_reverse_name_is_an_upstream_s_matter(qtype: str) -> None:
    answer = handler().answer(query("20.0.96.10.in-addr.arpa.", qtype))
    assert (answer.rcode.name, answer.is_outside) == ("NXDOMAIN", True)


@pytest.mark.parametrize("name", ["20.0.96.10.in-addr.arpa.", "9.9.9.9.in-addr.arpa.", "10.in-addr.arpa."])
def test_there_is_no_start_of_authority_below_a_reverse_zone_and_no_denial_of_one(name: str) -> None:
    answer = handler().answer(query(name, "SOA"))
    assert (answer.rcode.name, answer.answers, answer.is_outside) == ("NOERROR", (), False)
    assert said(answer).authority[0].startswith("in-addr.arpa. 5 SOA ")


def test_the_reverse_zone_has_a_start_of_authority_and_nothing_else() -> None:
    assert ask(handler(), "in-addr.arpa.", "SOA").answers[0].startswith("in-addr.arpa. 5 SOA ns.dns.in-addr.arpa. ")
    assert ask(handler(), "in-addr.arpa.", "PTR")[:2] == ("NOERROR", [])
    assert ask(handler(), "ip6.arpa.", "A")[:2] == ("NOERROR", [])


@pytest.mark.parametrize(
    ("name", "qtype", "qclass"),
    [
        (ZONE, "AXFR", 1),
        (ZONE, "IXFR", 1),
        ("in-addr.arpa.", "AXFR", 1),
        (ZONE, "A", 3),
        (f"cart.{SHOP}", "A", 255),
    ],
)
def test_transfers_and_other_classes_are_refused(name: str, qtype: str, qclass: int) -> None:
    answer = handler().answer(query(name, qtype, qclass))
    assert (answer.rcode.name, answer.authority, answer.is_authoritative) == ("REFUSED", (), False)
    assert not answer.is_outside


def test_where_others_are_asked_the_class_does_not_matter() -> None:
    forwarding = handler(config=DNSConfig(forwards={".": Forward((("192.0.2.1", 53),))}))
    assert said(forwarding.answer(query(f"cart.{SHOP}", "A", 255))).answers == [f"cart.{SHOP} 5 A 10.96.0.20"]
    assert forwarding.answer(query("version.bind.", "TXT", 3)).is_outside
    assert forwarding.answer(query("example.com.", "AXFR")).is_outside


def test_spelling_is_echoed_and_targets_take_the_zone_of_the_asker() -> None:
    answer = ask(handler(), "_HtTp._tcp.CART.Shop.SVC.Cluster.LOCAL.", "SRV")
    assert answer.answers == ["_HtTp._tcp.CART.Shop.SVC.Cluster.LOCAL. 5 SRV 0 100 80 cart.shop.svc.Cluster.LOCAL."]
    assert answer.additional == ["cart.shop.svc.Cluster.LOCAL. 5 A 10.96.0.20"]
    missing = ask(handler(), "x.SVC.Cluster.LOCAL.")
    assert missing.authority[0].startswith("Cluster.LOCAL. 5 SOA ns.dns.Cluster.LOCAL. hostmaster.Cluster.LOCAL. ")


def test_without_its_service_the_name_server_is_the_bound_address() -> None:
    lonely = handler([])
    answer = ask(lonely, ZONE, "NS")
    assert answer.answers == [f"{ZONE} 5 NS ns.dns.{ZONE}"]
    assert answer.additional == [f"ns.dns.{ZONE} 5 A 192.0.2.53"]
    assert ask(lonely, f"ns.dns.{ZONE}").answers == [f"ns.dns.{ZONE} 5 A 192.0.2.53"]


def test_the_name_server_has_glue() -> None:
    assert ask(handler(), ZONE, "NS").additional == [f"kube-dns.kube-system.svc.{ZONE} 5 A 10.96.0.10"]


def test_one_ttl_rules_all_but_the_start_of_authority_is_kept_no_longer_than_300_seconds() -> None:
    slow = handler(config=DNSConfig(ttl=3600))
    assert ask(slow, f"cart.{SHOP}").answers == [f"cart.{SHOP} 3600 A 10.96.0.20"]
    soa = ask(slow, f"missing.{SHOP}").authority[0]
    assert soa.startswith(f"{ZONE} 300 SOA")
    assert soa.endswith(" 3600")


@pytest.mark.parametrize(
    ("name", "rcode"),
    [(f"pod.{ZONE}", "NOERROR"), (f"shop.pod.{ZONE}", "NXDOMAIN"), (f"1-2-3-4.shop.pod.{ZONE}", "NXDOMAIN")],
)
def test_disabled_pods_have_no_names(name: str, rcode: str) -> None:
    assert ask(handler(config=DNSConfig(pods="disabled")), name)[:2] == (rcode, [])


@pytest.mark.parametrize(
    ("label", "qtype", "rcode"),
    [
        ("10-244-0-1", "A", "NOERROR"),
        ("10-244-0-8", "A", "NXDOMAIN"),
        ("10-244-0-9", "A", "NXDOMAIN"),
        ("1-2-3-4", "A", "NXDOMAIN"),
        ("fd00-244--7", "AAAA", "NOERROR"),
        ("fd00-244-0-0-0-0-0-7", "AAAA", "NXDOMAIN"),
    ],
    ids=["running", "succeeded", "first seen terminating", "no pod", "v6", "v6 expanded"],
)
def test_verified_pods_have_a_name_while_they_live(label: str, qtype: str, rcode: str) -> None:
    assert ask(handler(config=DNSConfig(pods="verified")), f"{label}.shop.pod.{ZONE}", qtype).rcode == rcode


@pytest.mark.parametrize("zone", ["k8s.example.", "a.b.c.d.", "lan."])
def test_the_zone_may_have_another_name(zone: str) -> None:
    answer = ask(handler(config=DNSConfig(zone=zone)), f"cart.shop.svc.{zone}")
    assert answer.answers == [f"cart.shop.svc.{zone} 5 A 10.96.0.20"]

"""Plugins and their options: honoured, without effect, or refused with their place and the remedy."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.helpers.kubesvc.corefile import KUBEADM, TextFiles, composed, faults, warnings

from kubedns.config import DNSConfig, Forward, Retention
from kubesvc.remote.corefile.grammar import Option, read_blocks
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.plugins import hosts

STOCK = Forward(
    (("192.0.2.53", 53),),
    max_concurrent=1000,
    retention=Retention(
        success_ttl=30, denial_ttl=30, unkept_successes=("cluster.local",), unkept_denials=("cluster.local",)
    ),
)


def with_kubernetes(*options: str, block: str = "") -> str:
    """A Corefile whose plugin ``kubernetes`` has options, from line 3 on, and whose block has more."""
    inner = "".join(f"{each}\n" for each in options) or "#\n"
    return f".:53 {{\nkubernetes cluster.local in-addr.arpa {{\n{inner}}}\n{block}\n}}\n"


def with_forward(*options: str, servers: str = "192.0.2.1") -> str:
    """A Corefile with a ``forward`` in line 3 and its options behind."""
    inner = "".join(f"{each}\n" for each in options)
    return f". {{\nkubernetes cluster.local\nforward . {servers} {{\n{inner}}}\n}}\n"


def test_the_corefile_of_kubeadm_is_read_as_it_is() -> None:
    found = composed(KUBEADM)
    assert found.dns == DNSConfig(
        zone="cluster.local",
        addresses=(("", 53),),
        ttl=30,
        soa_minimum=30,
        pods="insecure",
        forwards={".": STOCK},
        server_zones=(".",),
        cluster_dns=None,
        max_connections=10_000,
    )
    assert (found.lameduck, found.health[0].address, found.ready[0].address) == (5.0, ("", 8080), ("", 8181))
    assert found.prometheus[0].address == ("", 9153)
    assert found.reload is not None and found.reload.interval == 30.0


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("", {"pods": "disabled", "ttl": 5, "fallthrough": ()}),
        ("pods verified", {"pods": "verified"}),
        ("ttl 0", {"ttl": 0}),
        ("ttl 3600", {"ttl": 3600}),
        ("namespaces shop default", {"namespaces": ("shop", "default")}),
        ("endpoint_pod_names", {"names_endpoints_by_pod": True}),
        ("noendpoints", {"has_endpoints": False}),
        ("ignore empty_service", {"ignores_empty_services": True}),
        ("fallthrough", {"fallthrough": (".",)}),
        (
            "fallthrough 10.96.0.0/15 Example.ORG.",
            {"fallthrough": ("96.10.in-addr.arpa", "97.10.in-addr.arpa", "example.org")},
        ),
    ],
)
def test_options_of_kubernetes_are_honoured(option: str, expected: dict[str, Any]) -> None:
    settings = dataclasses.asdict(composed(with_kubernetes(option)).dns)
    assert {name: settings[name] for name in expected} == expected


def test_what_is_followed_is_for_the_source_of_the_objects() -> None:
    options = "labels tier in (a, b)", "namespace_labels team=x", "kubeconfig /etc/kube.conf other"
    found = composed(with_kubernetes(*options)).kubernetes
    assert (found.labels, found.namespace_labels) == ("tier in (a, b)", "team=x")
    assert (found.kubeconfig, found.context) == ("/etc/kube.conf", "other")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("policy sequential", {"policy": "sequential"}),
        ("max_concurrent 7", {"max_concurrent": 7}),
        ("max_fails 0", {"max_fails": 0}),
        ("health_check 250ms", {"probe_interval": 0.25}),
        ("read_timeout 1s", {"timeout": 1.0}),
        ("force_tcp", {"is_tcp_only": True}),
    ],
)
def test_options_of_forward_are_honoured(option: str, expected: dict[str, Any]) -> None:
    settings = dataclasses.asdict(composed(with_forward(option)).dns.forwards["."])
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("192.0.2.1 192.0.2.2:5353", (("192.0.2.1", 53), ("192.0.2.2", 5353))),
        ("dns://[2001:db8::1]:54 2001:db8::2", (("2001:db8::1", 54), ("2001:db8::2", 53))),
        ("/etc/resolv.conf 192.0.2.1", (("192.0.2.53", 53), ("192.0.2.1", 53))),
    ],
)
def test_upstreams_are_addresses_or_files(servers: str, expected: object) -> None:
    assert composed(with_forward(servers=servers)).dns.forwards["."].servers == expected


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        ("cache", Retention()),
        ("cache 60", Retention(success_ttl=60, denial_ttl=60)),
        ("cache {\nsuccess 5 60 1\ndenial 6 7 2\nservfail 0s\n}", Retention(5, 60, 1, 6, 7, 2, 0.0)),
        (
            "cache {\ndisable success\ndisable denial a.example\n}",
            Retention(unkept_successes=(".",), unkept_denials=("a.example",)),
        ),
        ("cache 60 example.org", None),
    ],
)
def test_a_cache_keeps_replies_of_upstreams(cache: str, expected: Retention | None) -> None:
    found = composed(f". {{\nkubernetes cluster.local\nforward . 192.0.2.1\n{cache}\n}}").dns.forwards
    assert found["."].retention == expected


@pytest.mark.parametrize(
    ("cache", "ttl", "expected"),
    [
        ("cache 30", 0, 5),
        ("cache 30", 60, 30),
        ("cache 30 {\ndisable success cluster.local\n}", 60, 30),
        ("cache 30 a.example", 60, 60),
        ("", 0, 0),
    ],
)
def test_a_cache_bounds_the_ttl_of_the_clusters_names_as_it_does_in_coredns(
    cache: str, ttl: int, expected: int
) -> None:
    assert composed(with_kubernetes(f"ttl {ttl}", block=cache)).dns.ttl == expected


def test_hosts_are_those_of_the_corefile_and_of_a_file() -> None:
    text = with_kubernetes(
        block="hosts /hosts example.org {\n192.0.2.7 A.example.org b.example.org\nttl 60\nfallthrough\n}"
    )
    found = composed(
        text, {"/hosts": "192.0.2.8 a.example.org # x\n::1%lo six.example.org\nbad line\n192.0.2.9 other.test\n"}
    )
    assert found.dns.hosts == {
        "a.example.org": ("192.0.2.7", "192.0.2.8"),
        "b.example.org": ("192.0.2.7",),
        "six.example.org": ("::1",),
    }
    assert (found.dns.hosts_ttl, found.hosts[0].reload_seconds) == (60, 5.0)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            with_kubernetes("startup_timeout 9s"),
            "Corefile:3: kubernetes: startup_timeout: accepted without effect: it answers",
        ),
        (with_kubernetes("apiserver_qps 5"), "Corefile:3: kubernetes: apiserver_qps: accepted without effect: the API"),
        (with_kubernetes(block="log"), "Corefile:5: log: accepted without effect: queries are counted at /metrics"),
        (with_forward("expire 9s"), "Corefile:4: forward: expire: accepted without effect: each question has a socket"),
        (
            "a.example {\nkubernetes a.example b.example\n}",
            "Corefile:2: kubernetes: no name in b.example comes to this block, which has other zones",
        ),
        (
            ". {\nkubernetes cluster.local\nforward . 192.0.2.1\nforward a.example 192.0.2.2\n}",
            "Corefile:4: forward: an earlier one is asked for all names in a.example, so that this one never is; write",
        ),
    ],
)
def test_what_makes_no_difference_is_a_warning(text: str, warning: str) -> None:
    assert [each[: len(warning)] for each in warnings(text)] == [warning]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            with_kubernetes(block="rewrite name a b"),
            "Corefile:5: the plugin rewrite is not served by kubesvc dns, and what it does",
        ),
        (
            with_kubernetes(block="kubernets"),
            "Corefile:5: unknown plugin 'kubernets'; did you mean \"kubernetes\"? known here: bind",
        ),
        (
            with_kubernetes(block="errors\nerrors"),
            "Corefile:6: errors is there already in this block; keep one of the two",
        ),
        (with_kubernetes("pod insecure"), 'Corefile:3: kubernetes: pod: unknown option; did you mean "pods"?'),
        (
            with_kubernetes("pods maybe"),
            "Corefile:3: kubernetes: pods: must be disabled, insecure or verified, not 'maybe'",
        ),
        (with_kubernetes("ttl 3601"), "Corefile:3: kubernetes: ttl: must be a number from 0 to 3600, not '3601'"),
        (with_kubernetes("ttl"), "Corefile:3: kubernetes: ttl: takes one number"),
        (
            with_kubernetes("zonal"),
            "Corefile:3: kubernetes: zonal: not served by kubesvc dns; remove it: names by topology",
        ),
        (
            with_kubernetes("endpoint http://x"),
            "Corefile:3: kubernetes: endpoint: not served by kubesvc dns; name a kubeconfig",
        ),
        (with_kubernetes("ignore pods"), "Corefile:3: kubernetes: ignore: knows only empty_service"),
        (
            with_kubernetes("namespaces a", "namespace_labels b"),
            "Corefile:2: kubernetes: namespaces and namespace_labels cannot both",
        ),
        (
            with_kubernetes("noendpoints", "ignore empty_service"),
            "Corefile:2: kubernetes: ignore empty_service needs endpoints",
        ),
        (
            ". {\nkubernetes in-addr.arpa\n}",
            "Corefile:2: kubernetes: no zone of a cluster is in those of the block; name it",
        ),
        (". {\nkubernetes\n}", "Corefile:2: kubernetes: no zone of a cluster is in those of the block; name it"),
        (
            ". {\nforward . 192.0.2.1\n}",
            "Corefile:1: no server block has the plugin kubernetes, so that there are no names",
        ),
        ("", "the Corefile is empty; write a server block: .:53 { kubernetes cluster.local }"),
        (
            with_forward("tls"),
            "Corefile:4: forward: tls: not served by kubesvc dns; remove it: upstreams are asked by plain DNS",
        ),
        (
            with_forward(servers="tls://192.0.2.1"),
            "Corefile:3: forward: tls://192.0.2.1: upstreams are not asked over TLS; write",
        ),
        (
            with_forward(servers="{$NOT_SET}"),
            "Corefile:3: forward: an upstream is empty; set the variable that is written there, as in {$UPSTREAM}",
        ),
        (
            with_forward(servers="dns.example"),
            "Corefile:3: forward: 'dns.example' is neither an IP address nor a file; write it",
        ),
        (
            with_forward(servers="/nowhere"),
            "Corefile:3: forward: /nowhere: No such file or directory; write the address of a",
        ),
        (
            with_forward("policy best"),
            "Corefile:4: forward: policy: must be random, round_robin or sequential, not 'best'",
        ),
        (with_forward("health_check soon"), "Corefile:4: forward: health_check: 'soon' is no duration; write it like"),
        (
            with_kubernetes(block="forward ."),
            "Corefile:5: forward: takes a domain and at least one upstream; for all names",
        ),
        (with_kubernetes(block="cache 0"), "Corefile:5: cache: must be a number from 1 to 1000000000, not '0'"),
        (
            with_kubernetes(block="cache {\nserve_stale\n}"),
            "Corefile:6: cache: serve_stale: not served by kubesvc dns; remove it",
        ),
        (
            with_kubernetes(block="cache {\nservfail 6m\n}"),
            "Corefile:6: cache: servfail: must be at most 5m, as RFC 2308 demands",
        ),
        (
            with_kubernetes(block="hosts {\n192.0.2.1 a\n}"),
            "Corefile:5: hosts: every name in . that it does not have would fail; add",
        ),
        (
            with_kubernetes(block="hosts {\n192.0.2 a\nfallthrough\n}"),
            "Corefile:6: hosts: 192.0.2: unknown option; known here",
        ),
        (
            with_kubernetes(block="health localhost"),
            "Corefile:5: health: 'localhost' is no address with a port; write it like",
        ),
        (
            with_kubernetes(block="ready { \n monitor never\n}"),
            "Corefile:6: ready: monitor: must be until-ready or continuously",
        ),
        (with_kubernetes(block="reload 1s"), "Corefile:5: reload: must be at least 2s, not 1s"),
        (
            with_kubernetes(block="bind eth0"),
            "Corefile:5: bind: 'eth0' is no IP address; write the addresses of an interface",
        ),
        (
            with_kubernetes(block="transfer {\nto 192.0.2.1\n}"),
            "Corefile:6: transfer: to: transfers are for any client that asks",
        ),
        (
            with_kubernetes(block="loadbalance weighted f"),
            "Corefile:5: loadbalance: not served by kubesvc dns; write it alone",
        ),
        (
            "tls://. {\nkubernetes cluster.local\n}",
            "Corefile:1: tls://.: clients are answered by plain DNS alone; write .",
        ),
        (
            ".:99999 {\nkubernetes cluster.local\n}",
            'Corefile:1: 99999 is no port; write it like ".:53" or "example.org"',
        ),
        (with_kubernetes() + ".:53 {\n}", "Corefile:7: .: the block at Corefile:1 has this zone; merge the two"),
        (
            with_kubernetes() + "a.example:54 {\n}",
            "Corefile:7: a.example:54: this block answers in other places (port or bind)",
        ),
        (
            with_kubernetes() + "a.example {\nkubernetes a.example\n}",
            "Corefile:8: kubernetes: another block has the cluster's names",
        ),
    ],
)
def test_what_is_not_served_is_refused_with_its_place_and_a_remedy(text: str, fault: str) -> None:
    assert [each[: len(fault)] for each in faults(text)] == [fault]


def test_every_fault_is_found_at_once() -> None:
    text = with_kubernetes("ttl x", "pods y", block="rewrite a b\ncache 0")
    assert [each.split(":")[1] for each in faults(text)] == ["3", "4", "6", "7"]


def test_many_lines_of_hosts_are_each_compared_with_no_other_one() -> None:
    lines = "".join(f"10.0.{i >> 8}.{i & 255} a{i}.example\n" for i in range(2000))
    (stanza,) = (each for each in read_blocks(f". {{\nhosts {{\n{lines}}}\n}}", "Corefile", TextFiles(), {})[0].stanzas)
    compared = 0

    class Counted(Option):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return super().__eq__(other)

        __hash__ = Option.__hash__

    counted = tuple(Counted(*each) for each in stanza.options)
    assert len(hosts.read(stanza._replace(options=counted), Notes()).entries) == 2000
    assert compared == 0

"""Which upstreams are asked for a name: blocks, domains, their order and exceptions."""

from __future__ import annotations

import pytest
from tests.helpers.kubesvc.corefile import composed

KUBERNETES = "kubernetes cluster.local in-addr.arpa ip6.arpa"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f". {{\n{KUBERNETES}\n}}", {".": ""}),
        (f". {{\n{KUBERNETES}\nforward . 192.0.2.1\n}}", {".": "1"}),
        (
            f". {{\n{KUBERNETES}\nforward . 192.0.2.1\n}}\na.example {{\nforward . 192.0.2.2\n}}",
            {".": "1", "a.example": "2"},
        ),
        (
            f". {{\n{KUBERNETES}\nforward a.example 192.0.2.2\nforward . 192.0.2.1\n}}",
            {".": "1", "a.example": "2"},
        ),
        (
            f". {{\n{KUBERNETES}\nforward . 192.0.2.1 {{\nexcept a.example\n}}\n}}",
            {".": "1", "a.example": ""},
        ),
        (
            f". {{\n{KUBERNETES}\nforward . 192.0.2.1 {{\nexcept a.example\n}}\nforward b.a.example 192.0.2.2\n}}",
            {".": "1", "a.example": "", "b.a.example": "2"},
        ),
        ("cluster.local {\nkubernetes\n}\n. {\nforward . 192.0.2.1\n}", {"cluster.local": "", ".": "1"}),
        (
            f". {{\n{KUBERNETES}\nforward . 192.0.2.1\n}}\na.example {{\nforward b.a.example 192.0.2.2\n}}",
            {".": "1", "a.example": "", "b.a.example": "2"},
        ),
    ],
    ids=["none", "all", "stub domain", "specific first", "except", "except and then", "zone apart", "narrow stub"],
)
def test_each_domain_has_the_upstreams_that_coredns_would_ask(text: str, expected: dict[str, str]) -> None:
    forwards = composed(text).dns.forwards
    assert {name: "".join(host[-1] for host, _ in each.servers) for name, each in forwards.items()} == expected


def test_a_stub_domain_below_the_zone_takes_its_names_from_the_cluster() -> None:
    text = f". {{\n{KUBERNETES}\n}}\nvm.cluster.local {{\nforward . 192.0.2.2\n}}"
    assert composed(text).dns.delegated == ("vm.cluster.local",)


def test_zones_of_addresses_are_only_those_of_the_block() -> None:
    text = "cluster.local 10.96.0.0/16 {\nkubernetes cluster.local 10.96.0.0/16\n}"
    assert composed(text).dns.reverse_zones == ("96.10.in-addr.arpa",)

"""A cluster of one family by default; of two when its subnets say so, as kubeadm writes them."""

from __future__ import annotations

import pytest
from tests.helpers.kubesvc.input_manifests import configured

from kubesvc.config import ClusterConfiguration

BOTH = 'networking: {serviceSubnet: "127.32.0.0/16,fd00:32::/108", podSubnet: "127.33.0.0/16, fd00:33::/48"}\n'


def faults(text: str) -> list[str]:
    return [f"{each.field}: {each.message}" for each in configured(text).faults]


def test_by_default_a_cluster_is_of_ipv4_alone() -> None:
    configuration = ClusterConfiguration()
    assert configuration.networking.service_cidr == "127.96.0.0/12"
    assert {each.address_v6 + each.pod_cidr_v6 for each in configuration.nodes} == {""}


def test_two_subnets_make_a_cluster_dual_stack() -> None:
    reading = configured(BOTH)
    networking = reading.configuration.networking
    assert reading.faults == ()
    assert networking.service_cidr == "127.32.0.0/16,fd00:32::/108"
    assert (networking.pod_subnet, networking.pod_subnet_v6) == ("127.33.0.0/16", "fd00:33::/48")
    assert (networking.dns_address, networking.api_address) == ("127.32.0.10", "127.32.0.1")
    assert [(each.pod_cidr, each.pod_cidr_v6) for each in reading.configuration.nodes] == [
        ("127.33.1.0/24", "fd00:33:0:1::/64"),
        ("127.33.2.0/24", "fd00:33:0:2::/64"),
    ]


def test_the_first_node_has_the_one_ipv6_address_of_loopback_and_the_others_private_ones() -> None:
    nodes = configured(BOTH).configuration.nodes
    assert [(each.address, each.address_v6) for each in nodes] == [
        ("127.168.0.101", "::1"),
        ("127.168.0.102", "fd00:10:168::102"),
    ]


def test_a_node_may_have_an_address_of_each_family() -> None:
    nodes = 'nodes: [{name: a, address: "10.35.0.1,fd00:35:0::1"}, {name: b, address: 127.35.0.2}, {name: c}]'
    reading = configured(BOTH + nodes)
    assert reading.faults == ()
    assert [(each.address, each.address_v6) for each in reading.configuration.nodes] == [
        ("127.35.0.1", "fd00:35::1"),
        ("127.35.0.2", "fd00:10:168::102"),
        ("127.168.0.103", "fd00:10:168::103"),
    ]


@pytest.mark.parametrize(
    ("networking", "expected"),
    [
        pytest.param(
            'serviceSubnet: "127.32.0.0/16,fd00:32::/108"',
            [
                'networking.podSubnet: Invalid value: "127.244.0.0/16": '
                "must have an IPv6 subnet after a comma, since the serviceSubnet has one"
            ],
            id="services alone",
        ),
        pytest.param(
            'podSubnet: "127.33.0.0/16,fd00:33::/48"',
            [
                'networking.serviceSubnet: Invalid value: "127.96.0.0/12": '
                "must have an IPv6 subnet after a comma, since the podSubnet has one"
            ],
            id="pods alone",
        ),
        pytest.param(
            'serviceSubnet: "fd00:32::/108,127.32.0.0/16"',
            [
                'networking.serviceSubnet: Invalid value: "fd00:32::/108,127.32.0.0/16": must be an IPv4 subnet, or '
                "one of each family, IPv4 first, (e.g. 127.96.0.0/12,fd00:10:96::/108)"
            ],
            id="IPv6 first",
        ),
        pytest.param(
            'podSubnet: "fd00:33::/48"',
            [
                'networking.podSubnet: Invalid value: "fd00:33::/48": must be an IPv4 subnet, or '
                "one of each family, IPv4 first, (e.g. 127.244.0.0/16,fd00:10:244::/48)"
            ],
            id="IPv6 alone",
        ),
        pytest.param(
            'loadBalancerSubnet: "127.34.0.0/24,fd00:34::/120"',
            [
                'networking.loadBalancerSubnet: Invalid value: "127.34.0.0/24,fd00:34::/120": '
                "must be a valid IPv4 CIDR value, (e.g. 127.9.8.0/24); there is none for IPv6"
            ],
            id="load balancers",
        ),
        pytest.param(
            'serviceSubnet: "127.32.0.0/16,fd00:32::/48", podSubnet: "127.33.0.0/16,fd00:33::/64"',
            [
                'networking.podSubnet: Invalid value: "fd00:33::/64": the prefix must be between 32 and 62, inclusive',
                'networking.serviceSubnet: Invalid value: "fd00:32::/48": '
                "the prefix must be between 64 and 124, inclusive",
            ],
            id="prefixes",
        ),
        pytest.param(
            'serviceSubnet: "127.32.0.0/16,fd00:32::1/108", podSubnet: "127.33.0.0/16,x"',
            [
                'networking.podSubnet: Invalid value: "x": must be a valid IPv6 CIDR value, (e.g. fd00:10:244::/48)',
                'networking.serviceSubnet: Invalid value: "fd00:32::1/108": must not have bits set beyond the prefix '
                'length, should be "fd00:32::/108"',
            ],
            id="no subnets",
        ),
        pytest.param(
            'serviceSubnet: "127.32.0.0/16,::/96", podSubnet: "127.33.0.0/16,ff00::/48"',
            [
                'networking.podSubnet: Invalid value: "ff00::/48": '
                "must be a network of unicast addresses, (e.g. fd00:10:244::/48)",
                'networking.serviceSubnet: Invalid value: "::/96": '
                "must be a network of unicast addresses, (e.g. fd00:10:96::/108)",
            ],
            id="not unicast",
        ),
        pytest.param(
            'serviceSubnet: "127.32.0.0/16,fd00:33::/108", podSubnet: "127.33.0.0/16,fd00:33::/48"',
            [
                'networking.podSubnet: Invalid value: "fd00:33::/48": '
                "must not overlap with the serviceSubnet fd00:33::/108"
            ],
            id="overlap",
        ),
    ],
)
def test_subnets_that_cannot_be_are_refused(networking: str, expected: list[str]) -> None:
    assert sorted(faults(f"networking: {{{networking}}}")) == expected


@pytest.mark.parametrize(
    ("more", "address", "expected"),
    [
        (
            "",
            "127.35.0.1,fd00:35::1",
            "must be one IPv4 address, since the cluster's subnets are of IPv4 alone, (e.g. 127.9.8.7)",
        ),
        (
            BOTH,
            "fd00:35::1,127.35.0.1",
            "must be an IPv4 address, or one of each family, IPv4 first, (e.g. 127.9.8.7,fd00:10:168::7)",
        ),
        (
            BOTH,
            "fd00:35::1",
            "must be an IPv4 address, or one of each family, IPv4 first, (e.g. 127.9.8.7,fd00:10:168::7)",
        ),
    ],
    ids=["in a cluster of one family", "IPv6 first", "IPv6 alone"],
)
def test_a_nodes_addresses_follow_the_clusters_families(more: str, address: str, expected: str) -> None:
    nodes = f'nodes: [{{name: a, address: "{address}"}}]'
    assert faults(more + nodes) == [f'nodes[0].address: Invalid value: "{address}": {expected}']


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("x", "must be a valid IPv6 address after the comma, (e.g. fd00:10:168::7)"),
        ("127.35.0.9", "must be a valid IPv6 address after the comma, (e.g. fd00:10:168::7)"),
        ("fd00:32::9", "must be outside the serviceSubnet fd00:32::/108"),
        ("fd00:33::9", "must be outside the podSubnet fd00:33::/48"),
        ("fe80::1%lo", "must be a unicast address without a zone"),
        ("::", "must be a unicast address without a zone"),
    ],
)
def test_a_nodes_ipv6_address_that_cannot_be_is_refused(address: str, expected: str) -> None:
    nodes = f'nodes: [{{name: a, address: "127.35.0.1,{address}"}}]'
    assert faults(BOTH + nodes) == [f'nodes[0].address: Invalid value: "{address}": {expected}']


def test_two_nodes_may_not_share_an_ipv6_address() -> None:
    nodes = 'nodes: [{name: a}, {name: b, address: "127.35.0.1,::1"}]'
    assert faults(BOTH + nodes) == ['nodes[1].address: Duplicate value: "::1"']


def test_there_must_be_a_64_for_every_node() -> None:
    text = (
        'networking: {serviceSubnet: "127.32.0.0/16,fd00:32::/108", podSubnet: "127.33.0.0/16,fd00:33::/62"}\n'
        "nodes: [{name: a}, {name: b}, {name: c}, {name: d}]"
    )
    assert faults(text) == [
        'networking.podSubnet: Invalid value: "fd00:33::/62": has room for 3 nodes, but there are 4'
    ]

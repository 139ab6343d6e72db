"""What of a cluster's IPv6 addresses a machine can bind, and what helps where it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.helpers.kubesvc.input_manifests import configured

from kubesvc.config import ClusterConfiguration
from kubesvc.network.ipv6 import FIRST_NODE_V6, bind_error, local_networks, missing_networks, problem

BOTH = configured(
    'networking: {serviceSubnet: "127.96.0.0/12,fd00:10:96::/108", podSubnet: "127.244.0.0/16,fd00:10:244::/48"}'
).configuration


def test_a_cluster_of_one_family_wants_nothing_of_ipv6() -> None:
    assert list(local_networks(ClusterConfiguration())) == []


def test_a_dual_stack_cluster_wants_its_cluster_ips_and_its_nodes_addresses() -> None:
    assert [(each.purpose, each.route, each.sample) for each in local_networks(BOTH)] == [
        ("cluster IPs", "fd00:10:96::/108", "fd00:10:96::1"),
        ("node ports of node-1", "::1", "::1"),
        ("node ports of node-2", "fd00:10:168::102", "fd00:10:168::102"),
    ]


def test_what_is_missing_is_said_with_the_command_that_mends_it() -> None:
    assert [problem(each) for each in missing_networks(BOTH, lambda address: "" if address == "::1" else "no")] == [
        "IPv6 cluster IPs do not answer: fd00:10:96::/108 is not local to this machine. To fix it: "
        "sudo ip -6 route add local fd00:10:96::/108 dev lo",
        "IPv6 node ports of node-2 do not answer: fd00:10:168::102 is not local to this machine. To fix it: "
        "sudo ip -6 route add local fd00:10:168::102 dev lo",
    ]


def test_where_pods_have_networks_of_their_own_only_the_host_wants_anything() -> None:
    nodes = (replace(BOTH.nodes[0], address_v6=FIRST_NODE_V6), BOTH.nodes[1])
    networks = list(local_networks(replace(BOTH, nodes=nodes)))
    assert networks == list(local_networks(BOTH))
    assert problem(networks[0], " on the host").startswith("IPv6 cluster IPs do not answer on the host: fd00:10:96::")


def test_a_machine_without_ipv6_is_told_how_to_switch_it_on() -> None:
    (loopback,) = missing_networks(BOTH, lambda address: "no" if address == "::1" else "")
    assert problem(loopback) == (
        "IPv6 node ports of node-1 do not answer: ::1 is not local to this machine. To fix it: "
        "sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0"
    )


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.84.0.1", ""),
        ("::1", ""),
        ("2001:db8::1", "EADDRNOTAVAIL Cannot assign requested address"),
        ("192.0.2.1", "EADDRNOTAVAIL Cannot assign requested address"),
    ],
)
def test_binding_tells_whether_an_address_is_this_machines(address: str, why: str) -> None:
    assert bind_error(address) == why

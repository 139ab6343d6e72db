"""A configuration under an address plan of the cluster's own, and under the exact plan."""

from __future__ import annotations

from io import StringIO

import pytest

from kubemanifest.loading import load
from kubesvc.addresses.plan import USUAL, AddressPlan
from kubesvc.config import ConfigurationReading, read_configuration

PLAN = AddressPlan(20)
EXACT, EXACT_BESIDE = AddressPlan(is_exact=True), AddressPlan(20, is_exact=True)
HEAD = "apiVersion: kubesvc.dev/v1alpha1\nkind: ClusterConfiguration\n"


def reading(text: str, plan: AddressPlan = PLAN) -> ConfigurationReading:
    return read_configuration(load(["-"], StringIO(HEAD + text)).configuration, plan)


@pytest.mark.parametrize("document", [None, ""], ids=["no document", "empty document"])
def test_the_defaults_are_in_the_clusters_own_octets(document: str | None) -> None:
    found = read_configuration(None, PLAN) if document is None else reading(document)
    configuration = found.configuration
    networking = configuration.networking
    assert (networking.service_subnet, networking.pod_subnet) == ("127.20.0.0/16", "127.21.0.0/16")
    assert networking.load_balancer_subnet == "127.23.113.0/24"
    assert (networking.api_address, networking.dns_address) == ("127.20.0.1", "127.20.0.10")
    assert [(each.address, each.pod_cidr) for each in configuration.nodes] == [
        ("127.22.0.101", "127.21.1.0/24"),
        ("127.22.0.102", "127.21.2.0/24"),
    ]
    assert configuration.dns.bind_addresses == ()
    assert configuration.proxy.healthz_bind_address == "127.22.0.101:10256"
    assert configuration.proxy.metrics_bind_address == "127.22.0.101:10249"
    assert (configuration.plan, found.faults, found.warnings) == (PLAN, (), ())


def test_what_is_written_moves_there_too_and_is_said() -> None:
    found = reading(
        "networking: {serviceSubnet: 10.96.0.0/12, dnsAddress: 10.96.0.53}\n"
        "nodes: [{name: a, address: 192.168.0.7}]\n"
        "externalHosts: [{name: out.com, address: 10.65.40.20, page: hello}]\n"
    )
    assert found.faults == ()
    assert found.configuration.networking.dns_address == "127.20.0.53"
    assert found.configuration.nodes[0].address == "127.22.0.7"
    assert found.configuration.external_hosts[0].address == "10.65.40.20"
    assert [each.message for each in found.warnings] == [
        "10.96.0.0/12 is 127.20.0.0/16 on this machine",
        "10.96.0.53 is 127.20.0.53 on this machine",
        "192.168.0.7 is 127.22.0.7 on this machine",
    ]


def test_a_host_in_the_place_of_a_load_balancer_is_refused() -> None:
    [fault] = reading("externalHosts: [{name: out.com, address: 10.65.113.20, page: hello}]\n").faults
    assert "on this machine it is 127.23.113.20, which is in the loadBalancerSubnet 127.23.113.0/24" in fault.message


@pytest.mark.parametrize("text", [None, "", "networking: {plan: exact}\n"], ids=["no document", "empty", "it says so"])
def test_the_defaults_of_the_exact_plan_are_kubeadms(text: str | None) -> None:
    found = read_configuration(None, EXACT) if text is None else reading(text, EXACT if not text else USUAL)
    configuration = found.configuration
    networking = configuration.networking
    assert (networking.service_subnet, networking.pod_subnet) == ("10.96.0.0/12", "10.244.0.0/16")
    assert networking.load_balancer_subnet == "203.0.113.0/24"
    assert (networking.api_address, networking.dns_address) == ("10.96.0.1", "10.96.0.10")
    assert [(each.address, each.pod_cidr) for each in configuration.nodes] == [
        ("192.168.0.101", "10.244.1.0/24"),
        ("192.168.0.102", "10.244.2.0/24"),
    ]
    assert configuration.dns.bind_addresses == ("127.0.0.1",)
    assert (configuration.plan, found.faults, found.warnings) == (EXACT, (), ())


def test_the_exact_plan_leaves_what_is_written_as_it_is() -> None:
    found = reading(
        "networking: {serviceSubnet: 172.20.0.0/16, dnsAddress: 172.20.0.53}\n"
        "nodes: [{name: a, address: 192.168.0.7}]\n",
        EXACT,
    )
    assert (found.faults, found.warnings) == ((), ())
    assert found.configuration.networking.dns_address == "172.20.0.53"
    assert found.configuration.nodes[0].address == "192.168.0.7"


def test_the_document_may_leave_the_exact_plan() -> None:
    found = reading("networking: {plan: loopback}\n", EXACT).configuration
    assert (found.plan, found.networking.service_subnet) == (USUAL, "127.96.0.0/12")


def test_beside_others_an_exact_cluster_has_room_for_a_16_on_the_host() -> None:
    found = reading("", EXACT_BESIDE).configuration
    assert found.networking.service_subnet == "10.96.0.0/16"
    assert found.proxy.healthz_bind_address == "127.22.0.101:10256"
    assert found.dns.bind_addresses == ()


@pytest.mark.parametrize(
    ("text", "plan", "message"),
    [
        ("networking: {serviceSubnet: 127.96.0.0/12}", EXACT, "must be outside 127.0.0.0/8 in the exact plan"),
        ("nodes: [{name: a, address: 127.168.0.7}]", EXACT, "must be outside 127.0.0.0/8 in the exact plan"),
        ("networking: {podSubnet: 172.100.0.0/16}", EXACT, "on this machine it is 127.100.0.0/16, which must not"),
        ("networking: {serviceSubnet: 10.96.0.0/12}", EXACT_BESIDE, "with --subnets auto this machine has a /16"),
        ("networking: {plan: real}", USUAL, 'supported values: "exact", "loopback"'),
        ("sandbox: docker", USUAL, 'supported values: "auto", "namespaces", "none"'),
    ],
)
def test_what_the_exact_plan_cannot_have_is_refused(text: str, plan: AddressPlan, message: str) -> None:
    [fault] = reading(text, plan).faults
    assert message in fault.message

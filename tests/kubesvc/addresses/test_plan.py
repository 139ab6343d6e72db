from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesvc.addresses.plan import BLOCKS, OCTETS, USUAL, AddressPlan
from kubesvc.network.translation import translate

PLAN = AddressPlan(20)
EXACT = AddressPlan(is_exact=True)
ADDRESSES = st.ip_addresses(v=4).map(str)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        pytest.param("10.96.0.10", "127.20.0.10", id="cluster IP"),
        pytest.param("10.109.241.161", "127.20.241.161", id="cluster IP further on"),
        pytest.param("10.244.1.7", "127.21.1.7", id="pod"),
        pytest.param("192.168.0.101", "127.22.0.101", id="node"),
        pytest.param("203.0.113.5", "127.23.113.5", id="load balancer"),
        pytest.param("10.65.40.20", "127.23.40.20", id="host outside"),
        pytest.param("127.168.0.101", "127.22.0.101", id="as the usual plan has it"),
        pytest.param("127.21.3.4", "127.21.3.4", id="the cluster's own stays"),
        pytest.param("10.21.3.4", "127.23.3.4", id="somebody else's of that number does not"),
        pytest.param("127.0.0.1", "127.0.0.1", id="localhost stays"),
        pytest.param("::1", "::1", id="IPv6 stays"),
        pytest.param("web.example", "web.example", id="a name stays"),
    ],
)
def test_an_address_moves_into_the_clusters_own_octet(address: str, here: str) -> None:
    assert PLAN.stand_in(address) == here


@pytest.mark.parametrize(
    ("subnet", "services", "pods"),
    [
        ("10.96.0.0/12", "127.20.0.0/16", "127.21.0.0/16"),
        ("172.20.0.0/16", "127.20.0.0/16", "127.21.0.0/16"),
        ("172.20.8.0/22", "127.20.8.0/22", "127.21.8.0/22"),
        ("127.22.0.0/24", "127.22.0.0/24", "127.22.0.0/24"),
        ("nonsense", "nonsense", "nonsense"),
        ("10.96.0.0/x", "127.20.0.0/x", "127.21.0.0/x"),
    ],
)
def test_a_subnet_moves_by_what_it_is_for(subnet: str, services: str, pods: str) -> None:
    assert (PLAN.service_subnet(subnet), PLAN.pod_subnet(subnet)) == (services, pods)


def test_a_cluster_ip_of_an_unusual_subnet_is_a_cluster_ip_all_the_same() -> None:
    assert PLAN.service_address("172.20.0.10") == "127.20.0.10"
    assert PLAN.service_address("None") == "None"


@given(ADDRESSES)
def test_moving_twice_is_moving_once_and_never_leaves_the_block(address: str) -> None:
    here = PLAN.stand_in(address)
    assert PLAN.stand_in(here) == here
    assert here == "127.0.0.1" or int(here.split(".")[1]) in range(20, 24)


@given(ADDRESSES)
def test_the_usual_plan_changes_the_first_octet_alone(address: str) -> None:
    assert USUAL.stand_in(address) == f"127.{address.partition('.')[2]}"
    assert USUAL.service_address(address) == USUAL.stand_in(address)


def test_no_block_has_an_octet_of_another_or_of_the_usual_plan() -> None:
    octets = [octet for block in BLOCKS for octet in range(block, block + OCTETS)]
    assert len(set(octets)) == len(octets)
    assert not set(octets) & {0, *range(96, 112), 168, 244}
    assert max(octets) < 255


def test_a_service_is_translated_field_by_field() -> None:
    spec = {
        "clusterIP": "172.20.0.10",
        "clusterIPs": ["172.20.0.10"],
        "externalIPs": ["192.168.0.101", "127.0.0.1"],
        "loadBalancerIP": "203.0.113.9",
    }
    translated, notes = translate({"kind": "Service", "spec": spec}, PLAN)
    assert translated["spec"] == {
        "clusterIP": "127.20.0.10",
        "clusterIPs": ["127.20.0.10"],
        "externalIPs": ["127.22.0.101", "127.0.0.1"],
        "loadBalancerIP": "127.23.113.9",
    }
    assert str(notes[0]) == "172.20.0.10 is 127.20.0.10 on this machine"


def test_the_exact_plan_translates_nothing() -> None:
    spec = {"clusterIP": "10.96.7.7", "externalIPs": ["192.168.0.101"], "loadBalancerIP": "203.0.113.9"}
    assert translate({"kind": "Service", "spec": spec}, EXACT) == ({"kind": "Service", "spec": spec}, [])


@given(ADDRESSES)
def test_the_host_has_each_address_of_the_exact_plan_where_the_usual_plan_has_it(address: str) -> None:
    assert EXACT.address(address) == EXACT.service_address(address) == address
    assert EXACT.stand_in(address) == USUAL.stand_in(address)
    assert EXACT._replace(block=20).stand_in(address) == PLAN.stand_in(address)

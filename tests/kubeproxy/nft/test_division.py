"""Who serves what: which Service ports are the kernel's, and in which order they change hands."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kubeproxy.nft.test_serviceport import CLUSTER_IP, NAME, NODES, ON_1, ON_2, OTHER, rules_of

from kubeproxy.nft import skeleton
from kubeproxy.nft.division import Divider, cut_off, destinations_of
from kubeproxy.nft.eligibility import why_not
from kubeproxy.nft.serviceport import service_part
from kubeproxy.nft.tables import EMPTY
from kubeproxy.proxier import Sync
from kubeproxy.rules import Rules, compile_rules, port_rule
from kubeproxy.types import Destination, Endpoint, ServicePort

OUTSIDE = Endpoint("172.16.0.9", 80)


def is_in_cluster(address: str) -> bool:
    return address.startswith("10.")


DIVIDER = Divider("random", is_in_cluster)


def sync_of(rules: Rules, *names: Any) -> Sync:
    return Sync(rules, names, (), (), 0, 0)


@pytest.mark.parametrize(
    ("endpoints", "fields", "reason"),
    [
        pytest.param((ON_1,), {}, "", id="plain"),
        pytest.param((), {}, "", id="without-endpoints"),
        pytest.param((ON_1,), {"affinity_seconds": 60}, "", id="sticky"),
        pytest.param((ON_1,), {"is_http": True}, "requests are balanced", id="http"),
        pytest.param((ON_1,), {"balancer": "round_robin"}, "round_robin is not one of nftables", id="algorithm"),
        pytest.param((ON_1,), {"balancer": "unknown"}, "", id="an-unknown-algorithm-is-the-default"),
        pytest.param((ON_1,), {"balancer_options": '{"x": 1}'}, "", id="options-that-there-are-not"),
        pytest.param((ON_1._replace(weight=5),), {}, "has the weight 5", id="weights"),
        pytest.param((ON_1, ON_2._replace(weight=0)), {}, "has the weight 0", id="a-drained-endpoint"),
        pytest.param((ON_1, OUTSIDE), {}, "172.16.0.9:80 is outside", id="an-endpoint-outside"),
        pytest.param((ON_1, OUTSIDE._replace(is_ready=False, is_serving=False)), {}, "", id="that-gets-nothing"),
    ],
)
def test_the_kernel_serves_what_it_can(endpoints: tuple[Endpoint, ...], fields: dict[str, Any], reason: str) -> None:
    found = why_not(rules_of(*endpoints, **fields).ports[NAME], "random", is_in_cluster)
    assert reason in found
    assert bool(found) == bool(reason)


def test_sctp_is_the_userspace_engines() -> None:
    rule = rules_of(ON_1).ports[NAME]
    name = NAME._replace(protocol="SCTP")
    assert why_not(rule._replace(service_port=rule.service_port._replace(name=name)), "random", is_in_cluster)


def test_another_default_algorithm_is_the_userspace_engines() -> None:
    assert why_not(rules_of(ON_1).ports[NAME], "least_connections", is_in_cluster)


def test_a_service_port_that_goes_back_keeps_its_rules_until_sockets_are_open() -> None:
    before, after = rules_of(ON_1), rules_of(ON_1, is_http=True)
    current = {NAME: service_part(before, NAME)}
    division = DIVIDER.divide(before, sync_of(after, NAME), current)
    assert division.parts[NAME].entries == current[NAME].entries
    assert division.leaving == (NAME,)
    assert NAME in division.reasons


def test_a_service_port_that_is_gone_goes_at_once() -> None:
    before = rules_of(ON_1)
    division = DIVIDER.divide(before, sync_of(Rules(), NAME), {NAME: service_part(before, NAME)})
    assert dict(division.parts) == {NAME: EMPTY}
    assert division.leaving == ()


def test_what_was_never_the_kernels_needs_nothing() -> None:
    rules = rules_of(ON_1, is_http=True)
    division = DIVIDER.divide(rules, sync_of(rules, NAME), {})
    assert (dict(division.parts), division.leaving) == ({}, ())


def with_older(rules: Rules) -> Rules:
    """The rules with an older Service that has the cluster IP."""
    older = ServicePort(OTHER, ("2025", 1), cluster_ips=(CLUSTER_IP,), port=80)
    return compile_rules(rules, {OTHER.service: (port_rule(older, (ON_2,), NODES),)}, NODES).rules


def test_the_heir_of_a_destination_gets_it_with_the_same_change() -> None:
    after = rules_of(ON_1)
    before = with_older(after)
    current = {each: service_part(before, each) for each in (NAME, OTHER)}
    division = DIVIDER.divide(before, sync_of(after, OTHER), current)
    served = [entry.key for entry in division.parts[NAME].entries if entry.set_name == skeleton.SERVICE_IPS]
    assert (CLUSTER_IP, "TCP", 80) in served
    assert division.parts[OTHER] is EMPTY


def test_what_goes_back_gives_up_the_destinations_that_another_one_has() -> None:
    before = rules_of(ON_1)
    after = with_older(rules_of(ON_1, is_http=True))
    division = DIVIDER.divide(before, sync_of(after, NAME, OTHER), {NAME: service_part(before, NAME)})
    kept = [entry.key for entry in division.parts[NAME].entries if entry.set_name == skeleton.SERVICE_IPS]
    assert (CLUSTER_IP, "TCP", 80) not in kept
    assert kept


def test_ports_of_pods_are_not_the_kernels() -> None:
    rules = rules_of(ON_1)
    pod = NAME._replace(name="pod/web")
    assert pod.is_pod
    rule = port_rule(rules.ports[NAME].service_port._replace(name=pod), (ON_1,), NODES)
    rules = compile_rules(Rules(), {pod.service: (rule,)}, NODES).rules
    assert not DIVIDER.divide(Rules(), sync_of(rules, pod), {}).parts


def test_only_udp_flows_whose_endpoints_went_or_that_change_hands_are_looked_at() -> None:
    udp = NAME._replace(protocol="UDP")

    def rules_with(*endpoints: Endpoint) -> Rules:
        port = rules_of().ports[NAME].service_port._replace(name=udp)
        return compile_rules(Rules(), {udp.service: (port_rule(port, endpoints, NODES),)}, NODES).rules

    both, one = rules_with(ON_1, ON_2), rules_with(ON_1)
    assert Destination(CLUSTER_IP, 80, "UDP") in cut_off(both, sync_of(one, udp), ())
    assert cut_off(one, sync_of(both, udp), ()) == frozenset()
    assert cut_off(one, sync_of(both, udp), [udp]) == destinations_of(one, [udp])
    assert cut_off(rules_of(ON_1, ON_2), sync_of(rules_of(ON_1), NAME), [NAME]) == frozenset()

"""NetworkPolicies: their defaults, and the faults as a real 1.37.2 API server words them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.kinds.networkpolicy import KIND
from kubeapi.meta import JSON
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import NETWORKPOLICIES
from kubeapi.status import Invalid


def created(**spec: Any) -> JSON:
    return new_registry().create(NETWORKPOLICIES, {"metadata": {"name": "p"}, "spec": {"podSelector": {}, **spec}})


def lets_in(*rules: JSON) -> JSON:
    return {"ingress": list(rules)}


def peers(*of_rule: JSON) -> JSON:
    return lets_in({"from": list(of_rule)})


def block(cidr: str, *excepts: str) -> JSON:
    return peers({"ipBlock": {"cidr": cidr, "except": list(excepts)}})


def ports(*of_rule: JSON) -> JSON:
    return lets_in({"ports": list(of_rule)})


def faults(spec: JSON) -> list[str]:
    """Return why a policy is refused, without the beginning of the fields' paths."""
    with pytest.raises(Invalid) as refusal:
        created(**spec)
    return [str(each).removeprefix("spec.").removeprefix("ingress[0].") for each in refusal.value.causes]


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ["Ingress"]),
        ({"egress": [{}]}, ["Ingress", "Egress"]),
        ({"egress": []}, ["Ingress"]),
        ({"policyTypes": ["Egress"]}, ["Egress"]),
    ],
)
def test_the_types_follow_from_the_rules_unless_they_are_given(spec: JSON, types: list[str]) -> None:
    assert created(**spec)["spec"]["policyTypes"] == types


def test_ports_are_of_tcp_unless_they_say_otherwise() -> None:
    stored = created(**ports({"port": 80}, {"port": 53, "protocol": "UDP"}))
    assert [each["protocol"] for each in stored["spec"]["ingress"][0]["ports"]] == ["TCP", "UDP"]


def test_only_a_new_spec_is_a_new_generation() -> None:
    registry = new_registry()
    stored = registry.create(NETWORKPOLICIES, {"metadata": {"name": "p"}, "spec": {"podSelector": {}}})
    labelled = registry.update(NETWORKPOLICIES, {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 1
    changed = registry.update(NETWORKPOLICIES, {**labelled, "spec": {**labelled["spec"], "ingress": [{}]}})
    assert changed["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (peers({}), ["from[0]: Required value: must specify a peer"]),
        (
            peers({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}),
            ["from[0]: Forbidden: may not specify both ipBlock and another peer"],
        ),
        (peers({"ipBlock": {"cidr": ""}}), ["from[0].ipBlock.cidr: Required value"]),
        (
            block("10.0.0.0/8", "11.0.0.0/16", "10.0.0.0/8", "fd00::/64", "10.1.0.0/16"),
            [
                f'from[0].ipBlock.except[{index}]: Invalid value: "{each}": must be a strict subset of `cidr`'
                for index, each in enumerate(("11.0.0.0/16", "10.0.0.0/8", "fd00::/64"))
            ],
        ),
        (
            block("10.0.0.0"),
            [
                'from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, '
                "(e.g. 10.9.8.0/24 or 2001:db8::/64)"
            ],
        ),
        (
            block("10.1.2.3/8"),
            ['from[0].ipBlock.cidr: Invalid value: "10.1.2.3/8": must not have bits set beyond the prefix length'],
        ),
        (
            block("010.0.0.0/8", "10.1.0.0/16"),
            [
                'from[0].ipBlock.cidr: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
            ],
        ),
        (
            ports({"port": 10, "endPort": 5}),
            ["ports[0].endPort: Invalid value: 5: must be greater than or equal to `port`"],
        ),
        (
            ports({"endPort": 5}),
            ["ports[0].endPort: Invalid value: 5: may not be specified when `port` is not specified"],
        ),
        (
            ports({"port": "web", "endPort": 5}),
            ["ports[0].endPort: Invalid value: 5: may not be specified when `port` is non-numeric"],
        ),
        (ports({"port": 0}), ["ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
        (ports({"port": "1"}), ['ports[0].port: Invalid value: "1": must contain at least one letter (a-z)']),
        (
            ports({"protocol": "ICMP"}),
            ['ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
        ),
        (
            {"policyTypes": ["Both"]},
            ['policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"'],
        ),
        (
            {"podSelector": {"matchExpressions": [{"key": "x", "operator": "In"}]}},
            [
                "podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
                "'NotIn'"
            ],
        ),
    ],
)
def test_faults_are_worded_as_by_kubernetes(spec: JSON, expected: list[str]) -> None:
    assert faults(spec) == expected


def test_an_unusual_form_of_a_network_is_a_warning() -> None:
    spec = block("FD00::/8", "fd00:0:0::/16")
    policy = {"spec": {"podSelector": {}, **spec, "egress": [{"to": spec["ingress"][0]["from"]}]}}
    paths = [each.field for each in KIND.warnings(None, policy, RegistryConfig())]
    blocks = ("spec.ingress[0].from[0].ipBlock", "spec.egress[0].to[0].ipBlock")
    assert paths == [f"{each}.{field}" for each in blocks for field in ("cidr", "except[0]")]


def test_a_third_type_ends_the_list() -> None:
    (fault,) = faults({"policyTypes": ["Ingress", "Egress", "Both"]})
    assert fault.endswith("may not specify more than two policyTypes")

"""IP families of a Service: what it gets in a cluster of one or of two families, and how it goes from one to two."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import faults_of, new_registry, service, update_faults_of

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import SERVICES

V4, V6 = "127.96.0.0/12", "fd00:96::/108"
SINGLE, DUAL, DUAL_V6_FIRST, SINGLE_V6 = V4, f"{V4},{V6}", f"{V6},{V4}", V6
SELECTOR = {"app": "web"}
NO_DUAL_STACK = (
    'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'
)


def cluster(cidr: str) -> Registry:
    return new_registry(service_cidr=cidr)


def families_of(spec: JSON) -> tuple[str, list[str], list[str]]:
    """Return policy, families and the families of the cluster IPs."""
    addresses = [each if each == "None" else "IPv6" if ":" in each else "IPv4" for each in spec.get("clusterIPs", ())]
    return spec.get("ipFamilyPolicy", ""), spec.get("ipFamilies", []), addresses


def spec_in(cidr: str, **spec: Any) -> JSON:
    created: JSON = cluster(cidr).create(SERVICES, service(selector=SELECTOR, **spec))["spec"]
    return created


@pytest.mark.parametrize(
    ("cidr", "spec", "expected"),
    [
        pytest.param(SINGLE, {}, ("SingleStack", ["IPv4"], ["IPv4"]), id="single: nothing said"),
        pytest.param(SINGLE_V6, {}, ("SingleStack", ["IPv6"], ["IPv6"]), id="single IPv6: nothing said"),
        pytest.param(
            SINGLE,
            {"ipFamilyPolicy": "PreferDualStack"},
            ("PreferDualStack", ["IPv4"], ["IPv4"]),
            id="single: both preferred",
        ),
        pytest.param(DUAL, {}, ("SingleStack", ["IPv4"], ["IPv4"]), id="dual: nothing said"),
        pytest.param(DUAL_V6_FIRST, {}, ("SingleStack", ["IPv6"], ["IPv6"]), id="dual, IPv6 first: nothing said"),
        pytest.param(DUAL, {"ipFamilies": ["IPv6"]}, ("SingleStack", ["IPv6"], ["IPv6"]), id="dual: IPv6"),
        pytest.param(
            DUAL, {"clusterIP": "fd00:96::7"}, ("SingleStack", ["IPv6"], ["IPv6"]), id="dual: an IPv6 address"
        ),
        *(
            pytest.param(DUAL, {"ipFamilyPolicy": policy}, (policy, ["IPv4", "IPv6"], ["IPv4", "IPv6"]), id=policy)
            for policy in ("PreferDualStack", "RequireDualStack")
        ),
        pytest.param(
            DUAL,
            {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]},
            ("RequireDualStack", ["IPv6", "IPv4"], ["IPv6", "IPv4"]),
            id="the second family follows the first",
        ),
        pytest.param(
            DUAL,
            {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]},
            ("PreferDualStack", ["IPv6", "IPv4"], ["IPv6", "IPv4"]),
            id="order kept",
        ),
        pytest.param(
            DUAL,
            {"ipFamilyPolicy": "RequireDualStack", "clusterIP": "fd00:96::9"},
            ("RequireDualStack", ["IPv6", "IPv4"], ["IPv6", "IPv4"]),
            id="an address leads",
        ),
        pytest.param(DUAL, {"clusterIP": "None"}, ("SingleStack", ["IPv4"], ["None"]), id="headless"),
        pytest.param(
            DUAL,
            {"clusterIP": "None", "ipFamilyPolicy": "PreferDualStack"},
            ("PreferDualStack", ["IPv4", "IPv6"], ["None"]),
            id="headless of both",
        ),
        pytest.param(DUAL, {"type": "ExternalName", "externalName": "a.example"}, ("", [], []), id="ExternalName"),
    ],
)
def test_a_service_gets_the_families_that_it_asks_for(
    cidr: str, spec: JSON, expected: tuple[str, list[str], list[str]]
) -> None:
    assert families_of(spec_in(cidr, **spec)) == expected


@pytest.mark.parametrize("cidr", [SINGLE, DUAL], ids=["single", "dual"])
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("RequireDualStack", ["IPv4", "IPv6"], ["None"])),
        ({"ipFamilies": ["IPv6"]}, ("RequireDualStack", ["IPv6", "IPv4"], ["None"])),
        ({"ipFamilyPolicy": "PreferDualStack"}, ("PreferDualStack", ["IPv4", "IPv6"], ["None"])),
        ({"ipFamilyPolicy": "SingleStack"}, ("SingleStack", ["IPv4"], ["None"])),
        ({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}, ("SingleStack", ["IPv6"], ["None"])),
    ],
    ids=["nothing said", "IPv6 first", "both preferred", "one", "one that the cluster may lack"],
)
def test_headless_without_selector_is_of_any_family_whatever_the_cluster_has(
    cidr: str, spec: JSON, expected: tuple[str, list[str], list[str]]
) -> None:
    created = cluster(cidr).create(SERVICES, service(clusterIP="None", **spec))["spec"]
    assert families_of(created) == expected


@pytest.mark.parametrize(
    ("cidr", "spec", "faults"),
    [
        pytest.param(SINGLE, {"ipFamilyPolicy": "RequireDualStack"}, [NO_DUAL_STACK], id="dual stack"),
        pytest.param(
            SINGLE, {"ipFamilyPolicy": "RequireDualStack", "clusterIP": "None"}, [NO_DUAL_STACK], id="dual headless"
        ),
        pytest.param(
            SINGLE,
            {"ipFamilies": ["IPv6"]},
            ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
            id="family",
        ),
        pytest.param(
            SINGLE,
            {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]},
            ['spec.ipFamilies[1]: Invalid value: "IPv6": not configured on this cluster'],
            id="second family",
        ),
        pytest.param(
            SINGLE,
            {"clusterIP": "fd00:96::7"},
            ['spec.clusterIPs[0]: Invalid value: ["fd00:96::7"]: IPv6 is not configured on this cluster'],
            id="address",
        ),
        pytest.param(
            DUAL,
            {"clusterIP": "127.96.0.7", "clusterIPs": ["127.96.0.7", "fd00:96::7"]},
            [
                "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or "
                "'PreferDualStack' when multiple cluster IPs are specified"
            ],
            id="two addresses, single stack",
        ),
        pytest.param(
            DUAL,
            {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4", "IPv6"]},
            [
                "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or "
                "'PreferDualStack' when multiple IP families are specified"
            ],
            id="two families, single stack",
        ),
        pytest.param(
            DUAL,
            {
                "ipFamilyPolicy": "RequireDualStack",
                "clusterIP": "127.96.0.7",
                "clusterIPs": ["127.96.0.7", "127.96.0.8"],
            },
            [
                'spec.clusterIPs: Invalid value: ["127.96.0.7","127.96.0.8"]: '
                "may specify no more than one IP for each IP family"
            ],
            id="two addresses of one family",
        ),
        pytest.param(
            DUAL,
            {"ipFamilies": ["IPv4", "IPv4"], "ipFamilyPolicy": "Both"},
            [
                'spec.ipFamilies[1]: Duplicate value: "IPv4"',
                'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", '
                '"RequireDualStack", "SingleStack"',
            ],
            id="unknown policy, one family twice",
        ),
        pytest.param(
            DUAL,
            {"ipFamilies": ["IPv5"]},
            ['spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'],
            id="unknown family",
        ),
        pytest.param(
            DUAL,
            {"ipFamilies": ["IPv6"], "clusterIP": "127.96.0.7"},
            ['spec.clusterIPs[0]: Invalid value: "127.96.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`'],
            id="address of another family",
        ),
        pytest.param(
            DUAL,
            {"ipFamilyPolicy": "RequireDualStack", "clusterIPs": ["127.96.0.7", "fd00:96::7"]},
            [
                'spec.clusterIPs: Invalid value: ["127.96.0.7","fd00:96::7"]: '
                "must be empty when `clusterIP` is not specified"
            ],
            id="clusterIPs alone",
        ),
        pytest.param(
            DUAL,
            {"ipFamilyPolicy": "PreferDualStack", "clusterIP": "None", "clusterIPs": ["None", "fd00:96::7"]},
            ['spec.clusterIPs: Invalid value: ["None","fd00:96::7"]: \'None\' must be the first and only value'],
            id="headless with an address",
        ),
        pytest.param(
            DUAL,
            {"clusterIP": "fd00:97::7"},
            [
                'spec.clusterIPs: Invalid value: ["fd00:97::7"]: failed to allocate IP fd00:97::7: '
                "the provided network does not match the current range"
            ],
            id="outside the range",
        ),
    ],
)
def test_what_a_service_may_not_ask_for_is_said_in_kubernetes_words(cidr: str, spec: JSON, faults: list[str]) -> None:
    assert faults_of(SERVICES, service(selector=SELECTOR, **spec), cluster(cidr)) == faults


def test_an_address_of_each_family_may_be_asked_for_and_is_taken() -> None:
    registry, addresses = cluster(DUAL), ["fd00:96::7", "127.96.0.7"]
    wanted: JSON = {"ipFamilyPolicy": "RequireDualStack", **_addresses(addresses)}
    assert registry.create(SERVICES, service("first", **wanted))["spec"]["clusterIPs"] == addresses
    assert faults_of(SERVICES, service(**wanted), registry) == [
        'spec.clusterIPs: Invalid value: ["fd00:96::7","127.96.0.7"]: failed to allocate IP fd00:96::7: '
        "provided IP is already allocated"
    ]


@pytest.mark.parametrize("policy", ["PreferDualStack", "RequireDualStack"])
def test_a_single_stack_service_gets_a_second_address_and_gives_it_back(policy: str) -> None:
    registry = cluster(DUAL)
    before = registry.create(SERVICES, service())
    upgraded = registry.update(SERVICES, {**before, "spec": {**before["spec"], "ipFamilyPolicy": policy}})
    assert families_of(upgraded["spec"]) == (policy, ["IPv4", "IPv6"], ["IPv4", "IPv6"])
    assert upgraded["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    second = upgraded["spec"]["clusterIPs"][1]
    assert faults_of(SERVICES, service("other", clusterIP=second), registry) != []
    downgraded = registry.update(SERVICES, {**upgraded, "spec": {**upgraded["spec"], "ipFamilyPolicy": "SingleStack"}})
    assert downgraded["spec"] == before["spec"]
    assert faults_of(SERVICES, service("other", clusterIP=second), registry) == []


def test_a_second_address_may_be_chosen_when_it_is_added() -> None:
    registry = cluster(DUAL)
    before = registry.create(SERVICES, service())["spec"]
    addresses = [before["clusterIP"], "fd00:96::7"]
    after = registry.update(SERVICES, service(ipFamilyPolicy="PreferDualStack", **_addresses(addresses)))["spec"]
    assert (after["clusterIPs"], after["ipFamilies"]) == (addresses, ["IPv4", "IPv6"])


def _addresses(addresses: list[str]) -> JSON:
    return {"clusterIP": addresses[0], "clusterIPs": addresses}


@pytest.mark.parametrize("policy", ["SingleStack", "PreferDualStack", "RequireDualStack"])
def test_sending_the_same_manifest_again_keeps_families_and_addresses(policy: str) -> None:
    registry = cluster(DUAL_V6_FIRST)
    manifest = service(ipFamilyPolicy=policy)
    before = registry.create(SERVICES, manifest)
    assert registry.update(SERVICES, manifest) == before
    assert registry.update(SERVICES, service())["spec"] == before["spec"]


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        pytest.param(
            lambda spec: {"clusterIPs": spec["clusterIPs"][:1]},
            [
                "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the "
                "secondary cluster IP"
            ],
            id="address away",
        ),
        pytest.param(
            lambda _spec: {"ipFamilies": ["IPv4"]},
            [
                "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the "
                "secondary IP family"
            ],
            id="family away",
        ),
        pytest.param(
            lambda spec: {"clusterIPs": [spec["clusterIP"], "fd00:96::7"]},
            [
                'spec.clusterIPs[1]: Invalid value: ["127.96.0.7","fd00:96::7"]: may not change once set',
            ],
            id="another second address",
        ),
        pytest.param(
            lambda _spec: {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"},
            [
                'spec.clusterIPs[0]: Invalid value: "127.96.0.7": '
                "expected an IPv6 value as indicated by `ipFamilies[0]`",
            ],
            id="the first family away",
        ),
    ],
)
def test_only_the_policy_gives_the_second_family_up(change: Any, faults: list[str]) -> None:
    registry = cluster(DUAL)
    spec = registry.create(SERVICES, service(ipFamilyPolicy="RequireDualStack", clusterIP="127.96.0.7"))["spec"]
    changed = {**spec, **change(spec)}
    assert update_faults_of(SERVICES, service(**changed), registry) == faults


def test_a_single_stack_service_may_not_change_its_family() -> None:
    registry = cluster(DUAL)
    registry.create(SERVICES, service(clusterIP="127.96.0.7"))
    assert update_faults_of(SERVICES, service(clusterIP="127.96.0.7", ipFamilies=["IPv6"]), registry)
    assert update_faults_of(SERVICES, service(clusterIP="fd00:96::7"), registry) == [
        'spec.clusterIPs[0]: Invalid value: ["fd00:96::7"]: may not change once set',
        'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
    ]


def test_a_headless_service_may_change_its_families() -> None:
    registry = cluster(DUAL)
    spec: JSON = {"clusterIP": "None", "selector": SELECTOR}
    registry.create(SERVICES, service(**spec))
    for families, policy in (
        (["IPv6"], "SingleStack"),
        (["IPv6", "IPv4"], "RequireDualStack"),
        (["IPv4"], "SingleStack"),
    ):
        changed = registry.update(SERVICES, service(**spec, ipFamilies=families, ipFamilyPolicy=policy))["spec"]
        assert families_of(changed) == (policy, families, ["None"])


def test_external_name_gives_both_addresses_back_and_gets_fresh_ones() -> None:
    registry = cluster(DUAL)
    before = registry.create(SERVICES, service(ipFamilyPolicy="RequireDualStack"))
    spec = {**before["spec"], "type": "ExternalName", "externalName": "a.example"}
    after = registry.update(SERVICES, {**before, "spec": spec})["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & after.keys()
    addresses = before["spec"]["clusterIPs"]
    again = service("other", ipFamilyPolicy="RequireDualStack", **_addresses(addresses))
    assert faults_of(SERVICES, again, registry) == []
    assert families_of(registry.update(SERVICES, service())["spec"]) == ("SingleStack", ["IPv4"], ["IPv4"])


@pytest.mark.parametrize("policy", ["PreferDualStack", "RequireDualStack"])
def test_both_addresses_are_free_when_the_service_is_deleted(policy: str) -> None:
    registry = cluster(DUAL)
    addresses = registry.create(SERVICES, service(ipFamilyPolicy=policy))["spec"]["clusterIPs"]
    registry.delete(SERVICES, "default", "web")
    assert faults_of(SERVICES, service(ipFamilyPolicy=policy, **_addresses(addresses)), registry) == []


def test_a_service_that_prefers_both_stays_as_it_is_when_the_cluster_gets_a_second_family() -> None:
    before = cluster(SINGLE)
    stored = before.create(SERVICES, service(ipFamilyPolicy="PreferDualStack"))
    after = Registry(before.store, cluster(DUAL).config, clock=lambda: 0.0, rng=before.rng)
    labelled = {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}}
    assert after.update(SERVICES, labelled)["spec"] == stored["spec"]
    required = {**stored["spec"], "ipFamilyPolicy": "RequireDualStack"}
    assert families_of(after.update(SERVICES, service(**required))["spec"])[1] == ["IPv4", "IPv6"]

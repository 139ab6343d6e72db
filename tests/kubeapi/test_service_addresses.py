"""Cluster IPs and the objects that tell of them: ServiceCIDR and IPAddress."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import faults_of, new_registry, update_faults_of
from tests.helpers.objects import build_service

from kubeapi.meta import JSON, key_of
from kubeapi.registry import Registry
from kubeapi.registry.bootstrap import bootstrap, create_missing
from kubeapi.scheme import IPADDRESSES, SERVICECIDRS, SERVICES
from kubeapi.status import Invalid, StatusError

OUTSIDE = "the provided network does not match the current range"
PARENT = {"resource": "services", "namespace": "default", "name": "web"}


def service(name: str = "web", **spec: Any) -> JSON:
    return build_service(name, "default", **{"ports": [{"port": 80}], **spec})


def service_cidr(*cidrs: str, name: str = "more") -> JSON:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}


def addresses(registry: Registry) -> dict[str, str]:
    """Return the name of the Service of each IPAddress."""
    found = registry.store.list(IPADDRESSES)
    return {key_of(each).name: each["spec"]["parentRef"]["name"] for each in found}


def test_a_cluster_ip_has_an_ip_address_that_names_its_service() -> None:
    registry = new_registry()
    registry.create(SERVICES, service(clusterIP="127.96.0.7"))
    [made] = registry.store.list(IPADDRESSES)
    assert made["spec"] == {"parentRef": PARENT}
    assert made["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    registry.delete(SERVICES, "default", "web")
    assert addresses(registry) == {}


@pytest.mark.parametrize(
    "spec", [{"clusterIP": "None"}, {"type": "ExternalName", "externalName": "a.example"}], ids=str
)
def test_a_service_without_a_cluster_ip_has_none(spec: JSON) -> None:
    registry = new_registry()
    registry.create(SERVICES, service(**spec))
    assert addresses(registry) == {}


def test_the_second_address_of_a_dual_stack_service_comes_and_goes_alone() -> None:
    registry = new_registry(service_cidr="127.96.0.0/12,fd00:96::/112")
    registry.create(SERVICES, service(clusterIP="127.96.0.7", ipFamilyPolicy="RequireDualStack"))
    assert len(addresses(registry)) == 2
    registry.update(SERVICES, service(clusterIP="127.96.0.7", ipFamilyPolicy="SingleStack"))
    assert addresses(registry) == {"127.96.0.7": "web"}


def test_an_ip_address_of_a_user_takes_the_address() -> None:
    registry = new_registry()
    registry.create(IPADDRESSES, {"metadata": {"name": "127.96.0.7"}, "spec": {"parentRef": {**PARENT, "group": "x"}}})
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        registry.create(SERVICES, service(clusterIP="127.96.0.7"))
    registry.delete(IPADDRESSES, "", "127.96.0.7")
    registry.create(SERVICES, service(clusterIP="127.96.0.7"))


def test_a_further_service_cidr_gives_addresses_when_the_configured_one_is_full() -> None:
    registry = new_registry(service_cidr="127.96.0.0/30")
    for name in ("a", "b"):
        registry.create(SERVICES, service(name))
    with pytest.raises(StatusError, match="range is full"):
        registry.create(SERVICES, service("c"))
    with pytest.raises(Invalid, match=OUTSIDE):
        registry.create(SERVICES, service("c", clusterIP="127.0.50.1"))
    registry.create(SERVICECIDRS, service_cidr("127.0.50.0/30"))
    assert registry.create(SERVICES, service("c"))["spec"]["clusterIP"].startswith("127.0.50.")


def test_a_service_cidr_that_is_being_deleted_gives_no_addresses_and_keeps_those_it_gave() -> None:
    registry = new_registry()
    made = service_cidr("127.0.50.0/29")
    made["metadata"]["finalizers"] = ["x.example/y"]
    registry.create(SERVICECIDRS, made)
    registry.create(SERVICES, service(clusterIP="127.0.50.1"))
    registry.delete(SERVICECIDRS, "", "more")
    with pytest.raises(Invalid, match=OUTSIDE):
        registry.create(SERVICES, service("late", clusterIP="127.0.50.2"))
    assert addresses(registry) == {"127.0.50.1": "web"}


def test_an_address_in_two_overlapping_ranges_is_given_once() -> None:
    registry = new_registry(service_cidr="127.96.0.0/30")
    registry.create(SERVICECIDRS, service_cidr("127.96.0.0/29"))
    given = [registry.create(SERVICES, service(name))["spec"]["clusterIP"] for name in "abcdef"]
    assert len(set(given)) == 6
    with pytest.raises(StatusError, match="range is full"):
        registry.create(SERVICES, service("g"))


def test_a_refused_service_leaves_no_ip_address() -> None:
    registry = new_registry()
    assert faults_of(SERVICES, service(clusterIP="127.96.0.7", sessionAffinity="X"), registry)
    assert registry.create(SERVICES, service(clusterIP="127.96.0.7"), dry_run=True)
    assert addresses(registry) == {}
    registry.create(SERVICES, service(clusterIP="127.96.0.7"))


def test_a_saved_state_gets_the_ip_addresses_of_its_services_and_no_others() -> None:
    registry = new_registry()
    registry.create(SERVICES, service(clusterIP="127.96.0.7"))
    registry.create(SERVICES, service("gone", clusterIP="127.96.0.8"))
    registry.store.delete(IPADDRESSES, "", "127.96.0.7")
    registry.store.delete(SERVICES, "default", "gone")
    bootstrap(registry)
    assert addresses(registry) == {"127.96.0.1": "kubernetes", "127.96.0.10": "kube-dns", "127.96.0.7": "web"}


def test_what_is_done_every_second_leaves_the_ip_addresses_to_their_controller() -> None:
    registry = new_registry()
    bootstrap(registry)
    registry.create(SERVICES, service(clusterIP="127.96.0.7"))
    registry.store.delete(IPADDRESSES, "", "127.96.0.7")
    create_missing(registry)
    assert addresses(registry) == {"127.96.0.1": "kubernetes", "127.96.0.10": "kube-dns"}


def test_the_configured_service_cidr_follows_a_changed_configuration() -> None:
    first = new_registry()
    bootstrap(first)
    second = Registry(first.store, new_registry(service_cidr="127.98.0.0/16").config, clock=lambda: 0.0, rng=first.rng)
    bootstrap(second)
    assert first.store.get(SERVICECIDRS, "", "kubernetes")["spec"]["cidrs"] == ["127.98.0.0/16"]
    assert second.create(SERVICES, service())["spec"]["clusterIP"].startswith("127.98.")


@pytest.mark.parametrize(
    ("cidrs", "faults"),
    [
        ((), ["spec.cidrs: Required value: at least one CIDR required"]),
        (("a", "b", "c"), ['spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values']),
        (
            ("10.1.2.3/8",),
            ['spec.cidrs[0]: Invalid value: "10.1.2.3/8": must not have bits set beyond the prefix length'],
        ),
        (
            ("10.0.0.0/8", "11.0.0.0/8"),
            [
                'spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for each IP '
                "family, i.e 192.168.0.0/24 and 2001:db8::/64"
            ],
        ),
        (("10.0.0.0/8", "fd00::/112"), []),
    ],
)
def test_the_cidrs_of_a_service_cidr(cidrs: tuple[str, ...], faults: list[str]) -> None:
    assert faults_of(SERVICECIDRS, service_cidr(*cidrs)) == faults


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        (("10.0.0.0/8",), ("10.0.0.0/8", "fd00::/112"), []),
        (("10.0.0.0/8",), ("11.0.0.0/8",), ['spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable']),
        (
            ("10.0.0.0/8", "fd00::/112"),
            ("10.0.0.0/8",),
            ['spec.cidrs: Invalid value: ["10.0.0.0/8"]: field is immutable'],
        ),
    ],
)
def test_only_a_second_family_may_be_added(before: tuple[str, ...], after: tuple[str, ...], faults: list[str]) -> None:
    registry = new_registry()
    registry.create(SERVICECIDRS, service_cidr(*before))
    assert update_faults_of(SERVICECIDRS, service_cidr(*after), registry) == faults


@pytest.mark.parametrize(
    ("name", "parent", "faults"),
    [
        ("127.96.0.7", PARENT, []),
        ("fe80::42:1dff:fe84:f9e2", {"group": "mygroup", "resource": "r", "name": "n"}, []),
        (
            "a",
            PARENT,
            ['metadata.name: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
        ),
        (
            "2001:DB8::1",
            PARENT,
            ['metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")'],
        ),
        ("127.96.0.7", None, ["spec.parentRef: Required value"]),
        ("127.96.0.7", {}, ["spec.parentRef.resource: Required value", "spec.parentRef.name: Required value"]),
        (
            "127.96.0.7",
            {**PARENT, "name": "a/b"},
            ["spec.parentRef.name: Invalid value: \"a/b\": may not contain '/'"],
        ),
    ],
)
def test_what_an_ip_address_must_be(name: str, parent: JSON | None, faults: list[str]) -> None:
    spec = {} if parent is None else {"parentRef": parent}
    assert faults_of(IPADDRESSES, {"metadata": {"name": name}, "spec": spec}) == faults


def test_the_parent_of_an_ip_address_may_not_change() -> None:
    registry = new_registry()
    made: JSON = {"metadata": {"name": "127.96.0.7"}, "spec": {"parentRef": PARENT}}
    registry.create(IPADDRESSES, made)
    made["spec"] = {"parentRef": {**PARENT, "name": "other"}}
    assert update_faults_of(IPADDRESSES, made, registry) == [
        'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"default","Name":"other"}: '
        "field is immutable"
    ]


def test_a_stored_range_that_older_versions_accepted_may_stay() -> None:
    registry = new_registry()
    ranges = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.1.2.3/8"]}
    stored = registry.create(SERVICES, service(type="LoadBalancer"))
    spec = {**stored["spec"], **ranges}
    stored = registry.store.update(SERVICES, {**stored, "spec": spec})
    labelled = {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}}
    stored = registry.update(SERVICES, labelled)
    spec = {**spec, "loadBalancerSourceRanges": ["10.1.2.3/8", "10.1.2.4/8"]}
    assert update_faults_of(SERVICES, {**stored, "spec": spec}, registry) == [
        'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.1.2.4/8": must not have bits set beyond the prefix length'
    ]

"""Which addresses of Services have to be made local to the cluster's network."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_service

from kubeapi.meta import ObjectKey
from kubesvc.config import ClusterConfiguration, Networking, NodeConfiguration
from kubesvc.run.machine.localaddresses import LocalAddresses

CONFIG = ClusterConfiguration(
    Networking("10.96.0.0/12", "10.244.0.0/16", "203.0.113.0/24"),
    nodes=(NodeConfiguration("a", "192.168.0.101", "10.244.1.0/24"),),
)
WEB, SHOP = ObjectKey("default", "web"), ObjectKey("default", "shop")


@pytest.fixture
def changes() -> list[int]:
    return []


@pytest.fixture
def local(changes: list[int]) -> LocalAddresses:
    return LocalAddresses(CONFIG, lambda: changes.append(1))


def service(*external_ips: str, ingress: str = "") -> dict[str, Any]:
    obj = build_service("web", clusterIP="10.96.0.7", externalIPs=[*external_ips])
    return {**obj, "status": {"loadBalancer": {"ingress": [{"ip": ingress}] if ingress else []}}}


def test_only_what_is_outside_of_all_ranges_is_made_local(local: LocalAddresses, changes: list[int]) -> None:
    local.update(WEB, service("192.168.0.101", "198.51.100.7", "203.0.113.9", "127.0.0.9", "fd00::1"))
    assert (set(local.addresses), len(changes)) == ({"198.51.100.7"}, 1)
    local.update(SHOP, service(ingress="198.51.100.8"))
    assert (set(local.addresses), len(changes)) == ({"198.51.100.7", "198.51.100.8"}, 2)


def test_an_address_goes_with_its_last_service(local: LocalAddresses, changes: list[int]) -> None:
    local.update(WEB, service("198.51.100.7"))
    local.update(SHOP, service("198.51.100.7"))
    local.update(WEB, None)
    assert (set(local.addresses), len(changes)) == ({"198.51.100.7"}, 1)
    local.update(SHOP, service())
    assert (set(local.addresses), len(changes)) == (set(), 2)


def test_a_service_that_changes_otherwise_changes_nothing(local: LocalAddresses, changes: list[int]) -> None:
    for _ in range(2):
        local.update(WEB, service("198.51.100.7"))
    local.update(SHOP, service())
    assert len(changes) == 1

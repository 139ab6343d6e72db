"""Which addresses must be local to a node, as Services come and go, and the command that makes them so."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build, build_node

from kubeapi.meta import ObjectKey
from kubeproxy.config import ProxyConfig
from kubeproxy.proxier import Proxier
from kubesvc.remote.proxy.serviceaddresses import ServiceAddresses, command, covering, first_host, service_cidrs

WEB = ObjectKey("default", "web")


class Rules:
    """A proxy's rules as they follow Services, and the addresses that are to be local."""

    def __init__(self, ranges: tuple[str, ...] = ("10.96.0.0/12",), needs_socket: bool = True) -> None:
        self.proxier = Proxier(ProxyConfig(node_name="node-1"))
        self.proxier.nodes.update(ObjectKey("", "node-1"), build_node("node-1", "192.168.0.101"))
        self.addresses = ServiceAddresses(ranges, ("192.168.0.101",), lambda _: needs_socket)

    def put(self, name: str, address: str, **spec: Any) -> tuple[dict[str, str], set[str]]:
        self.proxier.services.update(ObjectKey("default", name), service(name, address, **spec))
        self.proxier.endpoints.update(ObjectKey("default", f"{name}-abcde"), slice_of(name, ["10.244.1.2"]))
        return self._turnover()

    def remove(self, name: str) -> tuple[dict[str, str], set[str]]:
        self.proxier.services.update(ObjectKey("default", name), None)
        return self._turnover()

    def _turnover(self) -> tuple[dict[str, str], set[str]]:
        come, gone = self.addresses.update(self.proxier.sync())
        return {address: str(field) for address, field in come.items()}, set(gone)


def test_what_is_in_a_service_cidr_or_is_the_nodes_own_needs_nothing() -> None:
    rules = Rules()
    assert rules.put("web", "10.96.0.20", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]) == ({}, set())
    assert rules.put("own", "10.97.0.20", externalIPs=["192.168.0.101"]) == ({}, set())


def test_other_addresses_come_with_their_first_service_and_go_with_the_last() -> None:
    rules = Rules()
    shared = {"externalIPs": ["198.51.100.7"]}
    assert rules.put("web", "10.96.0.20", **shared) == ({"198.51.100.7": "externalIP of default/web"}, set())
    assert rules.put("too", "10.96.0.21", ports=[{"port": 81}], **shared) == ({}, set())
    assert rules.remove("web") == ({}, set())
    assert rules.put("too", "10.96.0.21") == ({}, {"198.51.100.7"})


def test_without_service_cidrs_each_cluster_ip_counts() -> None:
    rules = Rules(ranges=())
    assert rules.put("web", "10.96.0.20") == ({"10.96.0.20": "clusterIP of default/web"}, set())
    assert rules.remove("web") == ({}, {"10.96.0.20"})


def test_what_the_kernel_serves_needs_no_local_address() -> None:
    assert Rules(ranges=(), needs_socket=False).put("web", "10.96.0.20") == ({}, set())


@pytest.mark.parametrize(
    ("addresses", "networks"),
    [
        pytest.param([], (), id="none"),
        pytest.param(["10.96.0.1"], ("10.96.0.1/32",), id="one"),
        pytest.param(["10.96.0.1", "10.96.0.10", "10.100.2.3"], ("10.96.0.0/13",), id="several"),
        pytest.param(["10.96.0.1", "fd00::1", "fd00::2"], ("10.96.0.1/32", "fd00::/126"), id="of both families"),
    ],
)
def test_the_smallest_networks_cover_addresses(addresses: list[str], networks: tuple[str, ...]) -> None:
    assert covering(addresses) == networks


def test_the_command_gives_clients_of_the_node_its_own_address() -> None:
    assert command("10.96.0.0/12") == "sudo ip route add local 10.96.0.0/12 dev lo"
    assert command("fd00::/108", "fd00:1::7") == "sudo ip -6 route add local fd00::/108 dev lo src fd00:1::7"


def test_ranges_are_read_from_service_cidrs() -> None:
    objects = [
        build("ServiceCIDR", "kubernetes", spec={"cidrs": ["10.96.0.0/12", "fd00::/108"]}),
        build("ServiceCIDR", "more", spec={"cidrs": ["10.112.0.0/16"]}),
        build("ServiceCIDR", "empty"),
    ]
    assert service_cidrs(objects) == ("10.96.0.0/12", "fd00::/108", "10.112.0.0/16")
    assert [first_host(each) for each in ("10.96.0.0/12", "10.96.0.1/32")] == ["10.96.0.1", "10.96.0.1"]

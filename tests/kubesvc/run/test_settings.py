from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from kubeapi.registry import Registry, RegistryConfig
from kubeapi.store import Store
from kubedns.config import Forward
from kubedns.io.server import DNSCounts
from kubeproxy.telemetry.counters import ProxyCounters, SyncCounters
from kubeproxy.telemetry.metrics import expose
from kubesvc.addresses.plan import AddressPlan
from kubesvc.config import (
    ClusterConfiguration,
    DNSSettings,
    ExternalHost,
    Image,
    Networking,
    NodeConfiguration,
    ProxySettings,
)
from kubesvc.network.loopback import LoopbackNetwork, LowPorts
from kubesvc.run.api.identity import ClusterIdentity
from kubesvc.run.settings import (
    controller_config,
    dns_config,
    dns_figures,
    kubelet_config,
    proxy_config,
)
from kubesvc.state.directory import StateDirectory

ALL_PORTS = LowPorts(0, has_capability=True)
NO_LOW_PORTS = LowPorts(1024, has_capability=False)


def network(config: ClusterConfiguration, low_ports: LowPorts = ALL_PORTS) -> LoopbackNetwork:
    return LoopbackNetwork.of(config, low_ports)


def test_the_kubelet_gets_nodes_images_and_places_for_its_files(tmp_path: Path) -> None:
    config = ClusterConfiguration(
        nodes=(NodeConfiguration("a", "127.171.0.101", "127.250.1.0/24", {"zone": "x"}),),
        images=(Image("web", ("serve",), ("-p",), {"A": "1"}, 8080),),
    )
    settings = kubelet_config(config, StateDirectory("shop", tmp_path), network(config))
    [node] = settings.nodes
    assert (node.name, node.address, node.pod_cidr, dict(node.labels)) == (
        "a",
        "127.171.0.101",
        "127.250.1.0/24",
        {"zone": "x"},
    )
    image = settings.images["web"]
    assert (image.command, image.args, dict(image.env), image.port) == (("serve",), ("-p",), {"A": "1"}, 8080)
    assert (settings.log_dir, settings.work_dir) == (tmp_path / "shop" / "pods", tmp_path / "shop" / "work")
    assert sorted(settings.marker.values()) == sorted(["shop", str(tmp_path / "shop")])


def test_the_controllers_get_the_pool_of_load_balancers(tmp_path: Path) -> None:
    config = ClusterConfiguration(networking=Networking(load_balancer_subnet="127.1.113.0/24"))
    registry = Registry(Store(), RegistryConfig(), clock=lambda: 0.0, rng=random.Random(1))
    state = StateDirectory("shop", tmp_path)
    identity = ClusterIdentity(config, state, registry)
    assert controller_config(config, state, identity).load_balancer_pool == "127.1.113.0/24"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("127.0.0.1:10249", ("127.0.0.1", 10249), id="address"),
        pytest.param("", None, id="switched-off"),
    ],
)
def test_the_proxy_gets_its_addresses(text: str, address: tuple[str, int] | None) -> None:
    config = ClusterConfiguration(
        proxy=ProxySettings("round_robin", healthz_bind_address=text, metrics_bind_address=text)
    )
    settings = proxy_config(config, StateDirectory("shop", Path("/state")))
    assert (settings.default_balancer, settings.healthz_address, settings.metrics_address) == (
        "round_robin",
        address,
        address,
    )


def test_the_proxy_gets_the_options_of_its_balancer() -> None:
    config = ClusterConfiguration(proxy=ProxySettings("ring_hash", balancer_options='{"hash_on": "source_port"}'))
    settings = proxy_config(config, StateDirectory("shop", Path("/state")))
    assert settings.default_balancer_options == '{"hash_on": "source_port"}'


@pytest.mark.parametrize(
    ("mode", "is_exact", "expected"),
    [
        pytest.param("", False, "userspace", id="by-default"),
        pytest.param("", True, "nftables", id="by-default-in-the-exact-plan"),
        pytest.param("nftables", False, "nftables", id="as-asked"),
        pytest.param("userspace", True, "userspace", id="as-asked-in-the-exact-plan"),
    ],
)
def test_the_proxy_has_the_mode_of_its_plan_unless_told(mode: str, is_exact: bool, expected: str) -> None:
    config = ClusterConfiguration(proxy=ProxySettings(mode=mode), plan=AddressPlan(is_exact=is_exact))
    assert proxy_config(config, StateDirectory("shop", Path("/state"))).mode == expected


def test_the_proxys_workers_are_marked_as_the_clusters() -> None:
    settings = proxy_config(ClusterConfiguration(), StateDirectory("shop", Path("/state")))
    assert settings.worker_environment == {"KUBESVC_CLUSTER": "shop", "KUBESVC_STATE": "/state/shop"}


@pytest.mark.parametrize(
    ("bind_addresses", "low_ports", "addresses"),
    [
        pytest.param(
            ("127.0.0.1",), ALL_PORTS, (("127.96.0.10", 53), ("127.0.0.1", 53)), id="its-own-address-comes-first"
        ),
        pytest.param((), NO_LOW_PORTS, (("127.96.0.10", 10053),), id="without-the-privilege"),
        pytest.param(("127.96.0.10",), ALL_PORTS, (("127.96.0.10", 53),), id="each-once"),
    ],
)
def test_dns_gets_its_addresses(
    bind_addresses: tuple[str, ...], low_ports: LowPorts, addresses: tuple[tuple[str, int], ...]
) -> None:
    config = ClusterConfiguration(dns=DNSSettings(bind_addresses=bind_addresses, upstreams=()))
    settings = dns_config(config, network(config, low_ports))
    assert settings.addresses == addresses
    assert settings.forwards == {".": Forward()}


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        pytest.param("127.5.0.1", ("127.5.0.1", 53), id="address"),
        pytest.param("127.5.0.1:5353", ("127.5.0.1", 5353), id="port"),
        pytest.param("::1", ("::1", 53), id="ipv6"),
        pytest.param("[::1]:5353", ("::1", 5353), id="ipv6-with-a-port"),
    ],
)
def test_an_upstream_is_an_address_with_or_without_a_port(text: str, upstream: tuple[str, int]) -> None:
    config = ClusterConfiguration(dns=DNSSettings(upstreams=(text,)))
    assert dns_config(config, network(config)).forwards["."].servers == (upstream,)


def test_the_machines_own_upstreams_are_asked_but_never_ourselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kubesvc.run.settings._resolv_conf",
        lambda: "nameserver 127.0.0.1\nnameserver 127.96.0.10\nnameserver 127.9.9.9\n",
    )
    config = ClusterConfiguration()
    assert dns_config(config, network(config)).forwards["."].servers == (("127.9.9.9", 53),)


def test_dns_knows_the_hosts_outside_by_their_address_here() -> None:
    config = ClusterConfiguration(external_hosts=(ExternalHost("k8s.service.com", "10.65.40.20", page="x"),))
    assert dict(dns_config(config, network(config)).hosts) == {"k8s.service.com": ("127.65.40.20",)}


def test_the_counts_of_dns_are_figures_for_prometheus() -> None:
    figures = dns_figures(DNSCounts({("A", "NOERROR"): 3, ("AAAA", "NXDOMAIN"): 1}, 2, 5))
    text = expose(ProxyCounters(), SyncCounters(), Counter(), figures)
    assert [line for line in text.splitlines() if line.startswith("kubesvc_dns")] == [
        'kubesvc_dns_requests_total{rcode="NOERROR",type="A"} 3.0',
        'kubesvc_dns_requests_total{rcode="NXDOMAIN",type="AAAA"} 1.0',
        "kubesvc_dns_forwarded_total 2.0",
        "kubesvc_dns_tcp_connections 5.0",
    ]

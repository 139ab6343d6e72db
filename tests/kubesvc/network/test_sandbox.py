from __future__ import annotations

import errno
import pickle
import socket
from dataclasses import replace

import pytest
from tests.helpers.kubelet.agent_process import running_agent
from tests.helpers.kubesvc.input_manifests import configured

from kubehost.network import Network
from kubesvc.config import ClusterConfiguration, ExternalHost
from kubesvc.network.ipv6 import FIRST_NODE_V6
from kubesvc.network.loopback import LowPorts
from kubesvc.network.sandbox import SandboxNetwork

NOBODY = LowPorts(1024, has_capability=False)
POD, OTHER, GATEWAY, NODE = "127.244.1.2", "127.244.2.3", "127.244.1.1", "127.168.0.101"
HOSTS = (ExternalHost("k8s.service.com", "10.65.40.20", 80, page="hello"),)


@pytest.fixture
def network() -> SandboxNetwork:
    return SandboxNetwork.of(ClusterConfiguration(external_hosts=HOSTS), NOBODY)


@pytest.mark.parametrize(
    ("client", "target", "place"),
    [
        (POD, OTHER, POD),
        (POD, "127.96.1.1", POD),
        (POD, NODE, POD),
        (POD, "127.0.113.1", POD),
        (POD, POD, "cluster"),
        (GATEWAY, POD, "cluster"),
        (NODE, POD, "cluster"),
        ("127.0.0.1", POD, "cluster"),
        ("192.0.2.7", POD, "cluster"),
        ("::1", POD, "cluster"),
        ("", POD, "cluster"),
        (POD, "127.0.0.1", "host"),
        (POD, "127.65.40.20", "host"),
        (POD, "192.0.2.7", "host"),
        (POD, "::1", "host"),
        (POD, "example.com", "host"),
    ],
    ids=[
        "pod to pod",
        "pod to Service",
        "pod to node",
        "pod to load balancer",
        "hairpin",
        "from a gateway",
        "from a node",
        "from the host",
        "from another machine",
        "from the host by IPv6",
        "from the proxy itself",
        "a developer's server",
        "an external host that is served",
        "another machine",
        "the host by IPv6",
        "a name",
    ],
)
def test_a_connection_begins_where_its_server_sees_the_client_or_its_node(
    network: SandboxNetwork, client: str, target: str, place: str
) -> None:
    assert network.place(client, target).name == place
    assert network.place(client, target) is network.place(client, target)


def test_the_families_of_a_dual_stack_cluster_are_alike() -> None:
    configuration = configured(
        'networking: {serviceSubnet: "127.96.0.0/12,fd00:10:96::/108", podSubnet: "127.244.0.0/16,fd00:10:244::/48"}'
    ).configuration
    network = SandboxNetwork.of(configuration, NOBODY)
    pod, other, gateway = "fd00:10:244:1::2", "fd00:10:244:2::3", "fd00:10:244:1::1"
    assert network.place(pod, other).name == pod
    assert network.place(pod, "fd00:10:96::a").name == pod
    assert network.place(pod, pod).name == network.place(gateway, pod).name == "cluster"
    assert network.dial(pod, 80) == (pod, 80)


def test_nothing_moves_inside_and_ports_move_on_the_host(network: SandboxNetwork) -> None:
    asked: Network = network
    host, cluster = asked.places
    assert (host.name, cluster.name) == ("host", "cluster")
    assert asked.bind("127.96.0.10", 53) == host.bind("127.96.0.10", 53) == ("127.96.0.10", 10053)
    assert cluster.bind("127.96.0.10", 53) == ("127.96.0.10", 53)
    assert asked.dial(POD, 80) == (POD, 80)
    assert asked.dial("10.65.40.20", 80) == asked.dial("127.65.40.20", 80) == ("127.65.40.20", 10080)
    assert asked.dial("10.65.40.20", 81) == ("127.65.40.20", 81)
    assert asked.dial("127.0.0.1", 80) == ("127.0.0.1", 80)


def test_in_the_exact_plan_only_the_host_has_stand_ins() -> None:
    configuration = configured("networking: {plan: exact}\nsandbox: namespaces").configuration
    network = SandboxNetwork.of(replace(configuration, external_hosts=HOSTS), NOBODY)
    host, cluster = network.places
    assert host.bind("10.96.0.10", 53) == ("127.96.0.10", 10053)
    assert cluster.bind("10.96.0.10", 53) == ("10.96.0.10", 53)
    assert network.place("10.244.1.2", "10.244.2.3").name == "10.244.1.2"
    assert network.place("127.0.0.1", "10.244.2.3") is cluster
    outside = network.dial("10.65.40.20", 80)
    assert outside == ("127.65.40.20", 10080)
    assert network.place("10.244.1.2", outside[0]) is host


def test_the_first_node_s_ipv6_address_is_the_host_s_localhost_there_alone(network: SandboxNetwork) -> None:
    host, cluster = network.places
    assert network.bind(FIRST_NODE_V6, 30001) == host.bind(FIRST_NODE_V6, 30001) == ("::1", 30001)
    assert cluster.bind(FIRST_NODE_V6, 30001) == (FIRST_NODE_V6, 30001)


def test_inside_a_pod_is_its_own_network_or_its_node_s(network: SandboxNetwork) -> None:
    names = [place.name for each in (POD, NODE) if (place := network.inside(each))]
    assert names == [POD, "cluster"]


async def test_a_copy_in_another_process_has_a_channel_of_its_own(network: SandboxNetwork) -> None:
    copy = pickle.loads(pickle.dumps(network))
    with running_agent(POD) as agent:
        agent.attach(network)
        channel = network.lend()
        assert channel is not None
        copy.attach(channel)
        for each in (network, copy):
            each.place(POD, OTHER).socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP).close()
            each.close()


def test_without_an_agent_only_the_host_has_sockets(network: SandboxNetwork) -> None:
    kind = socket.AF_INET, socket.SOCK_DGRAM
    network.places[0].socket(*kind).close()
    with pytest.raises(OSError) as refused:
        network.places[1].socket(*kind)
    assert refused.value.errno == errno.ENETDOWN


def test_endless_clients_do_not_fill_the_memory(network: SandboxNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubesvc.network.sandbox._REMEMBERED", 8)
    for number in range(100):
        network.place(f"127.1.1.{number}", f"127.244.1.{number}")
    assert len(network._starts) <= 8
    assert len(network._is_inside) <= 8

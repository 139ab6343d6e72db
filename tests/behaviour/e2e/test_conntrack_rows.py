"""test/e2e/network/conntrack.go, "Conntrack": UDP clients keep their source port while server pods come and go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import Client, Flow, Place
from tests.helpers.e2e.cluster import SERVICE_UDP_PORT, UDP_PORT, Namespace, Service, netserver, ready_with
from tests.helpers.patience import PATIENCE

GROUND = Ground(20)
ZONES = ("", "")

SOURCE_PORT = 12345
HEARD_SECONDS = 0.1
"""Between two datagrams of a client that hears nothing."""


@contextmanager
def client_of(client: Client, place: Place) -> Iterator[Flow]:
    """Have a UDP client that has sent something already, before anybody could answer."""
    with Flow(client.source, place, SOURCE_PORT) as flow:
        assert flow.hear(HEARD_SECONDS) not in ("pod-server-1", "pod-server-2")
        yield flow


def test_k01_should_be_able_to_preserve_udp_traffic_when_server_pod_cycles_for_a_nodeport_service(
    namespace: Namespace,
) -> None:
    service = udp_service(namespace, type="NodePort")
    with client_of(namespace.pod_client(node=1), service.at_node(2, "UDP")) as flow:
        assert_follows_the_server(namespace, flow)


def test_k02_should_be_able_to_preserve_udp_traffic_when_server_pod_cycles_for_a_clusterip_service(
    namespace: Namespace,
) -> None:
    service = udp_service(namespace)
    with client_of(namespace.pod_client(node=1), service.at_cluster_ip(SERVICE_UDP_PORT)) as flow:
        assert_follows_the_server(namespace, flow)


def test_k03_should_be_able_to_preserve_udp_traffic_when_server_pod_cycles_for_a_clusterip_service_with_internaltrafficpolicy_set_to_local(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service = udp_service(namespace, internalTrafficPolicy="Local")
    with client_of(namespace.pod_client(node=1), service.at_cluster_ip(SERVICE_UDP_PORT)) as flow:
        namespace.run(netserver("pod-server-1", node=1), netserver("remote", node=2))
        assert hears(flow, "pod-server-1")
        namespace.delete("Pod", "pod-server-1", grace=0)
        assert eventually(lambda: namespace.endpoints(service.name).keys() == {"remote"})
        assert eventually(lambda: flow.hear(HEARD_SECONDS) not in ("pod-server-1", "remote"))
        namespace.run(netserver("pod-server-2", node=1))
        assert hears(flow, "pod-server-2")


def test_k04_should_be_able_to_preserve_udp_traffic_when_server_pod_cycles_for_a_clusterip_service_and_client_is_hostnetwork(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service = udp_service(namespace)
    with client_of(namespace.cluster.node_client(1), service.at_cluster_ip(SERVICE_UDP_PORT)) as flow:
        assert_follows_the_server(namespace, flow)


def test_k05_should_be_able_to_preserve_udp_traffic_when_initial_unready_endpoints_get_ready(
    namespace: Namespace, tmp_path: Path
) -> None:
    service = udp_service(namespace)
    sign = tmp_path / "ready"
    with client_of(namespace.pod_client(node=1), service.at_cluster_ip(SERVICE_UDP_PORT)) as flow:
        namespace.create(ready_with(netserver("pod-server-1", node=2), "test", "-e", str(sign)))
        assert eventually(lambda: [each["ready"] for each in namespace.conditions(service.name)] == [False])
        assert all(flow.hear(HEARD_SECONDS) != "pod-server-1" for _ in range(5))
        sign.touch()
        assert hears(flow, "pod-server-1")


def udp_service(namespace: Namespace, **spec: Any) -> Service:
    """Create a Service of the server pods' UDP port."""
    port = {"name": "udp", "port": SERVICE_UDP_PORT, "protocol": "UDP", "targetPort": UDP_PORT}
    return namespace.service("udp-service", ports=[port], **spec)


def assert_follows_the_server(namespace: Namespace, flow: Flow) -> None:
    """Assert that the client reaches the first server and, when that has gone, the second one."""
    namespace.run(netserver("pod-server-1", node=2))
    assert hears(flow, "pod-server-1")
    namespace.run(netserver("pod-server-2", node=2))
    namespace.delete("Pod", "pod-server-1", grace=0)
    assert eventually(lambda: namespace.endpoints("udp-service").keys() == {"pod-server-2"})
    assert hears(flow, "pod-server-2")


def hears(flow: Flow, name: str) -> bool:
    """Tell whether a server answers before long, and again."""
    return eventually(lambda: flow.hear(HEARD_SECONDS) == name and flow.hear(PATIENCE) == name)

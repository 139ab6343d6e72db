"""Ports of a node that lead to pods, as upstream's "HostPort validates that there is no conflict between pods with same
hostPort but different hostIP and protocol" (test/e2e/network/hostport.go) has them, in both address plans.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, running
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred
from tests.helpers.patience import PATIENCE

PORT = 24323
HERE = "127.168.0.101"
"""The node's address on this machine."""
NODES = {"loopback": HERE, "exact": "192.168.0.101"}
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - name: c
    image: agnhost
    args: [netexec, --http-port=8080, --udp-port=8080]
    ports: [{{hostPort: {port}, containerPort: 8080, protocol: {protocol}, hostIP: {ip}}}]
    readinessProbe: {{httpGet: {{path: /hostname, port: 8080}}, periodSeconds: 1}}
"""
ON_NODE = """\
---
apiVersion: v1
kind: Pod
metadata: {name: on-node}
spec:
  hostNetwork: true
  containers: [{name: c, image: agnhost, args: [pause]}]
"""


@dataclass
class HostPorts:
    """The cluster, and the address of its only node as the API has it."""

    kubectl: Kubectl
    node: str

    def from_node(self, address: str, source: str) -> str:
        """Return what the port answers to a program in the node's network."""
        line = f"curl -sS --max-time 20 --interface {source} http://{address}:{PORT}/hostname"
        return self.kubectl(f"kubectl exec on-node -- {line}").out.strip()


@pytest.fixture(scope="module", params=["loopback", "exact"])
def ports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, default_addresses: None
) -> Iterator[HostPorts]:
    folder, node = tmp_path_factory.mktemp("host-ports"), NODES[request.param]
    plan = ", networking: {plan: exact}" if request.param == "exact" else ""
    kinds = "{apiVersion: kubesvc.dev/v1alpha1, kind: ClusterConfiguration"
    asked = (("first", "TCP", "127.0.0.1"), ("second", "TCP", node), ("third", "UDP", node))
    pods = (POD.format(name=name, port=PORT, protocol=protocol, ip=ip) for name, protocol, ip in asked)
    configuration = f"{kinds}, sandbox: namespaces, nodes: [{{name: node-1}}]{plan}}}\n"
    (folder / "cluster.yaml").write_text(configuration + "".join(pods) + ON_NODE)
    with running(ClusterCommands(folder / "state"), str(folder / "cluster.yaml")) as cluster:
        found = find_kubectls()
        version = preferred(found)
        yield HostPorts(Kubectl(version, found[version], folder, kubeconfig_of(cluster), folder), node)


def test_each_address_of_the_node_leads_its_own_programs_to_the_pod_that_asked_for_it(ports: HostPorts) -> None:
    assert ports.from_node("127.0.0.1", ports.node) == "first"
    assert ports.from_node(ports.node, ports.node) == "second"


def test_the_host_gets_to_the_same_pods(ports: HostPorts) -> None:
    assert curl(f"http://127.0.0.1:{PORT}/hostname") == "first"
    assert curl(f"http://{HERE}:{PORT}/hostname") == "second"
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(b"hostname", (HERE, PORT))
        assert client.recv(100) == b"third"


def test_pods_get_to_them_too(ports: HostPorts) -> None:
    said = ports.kubectl(f"kubectl exec third -- curl -sS --max-time 20 http://{ports.node}:{PORT}/hostname")
    assert said.out.strip() == "second"

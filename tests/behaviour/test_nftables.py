"""A cluster whose kernel carries the traffic between pods, in both address plans, seen by pods and by the commands."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.test_places import agent_of
from tests.helpers.chance import enough
from tests.helpers.cluster.cli import ClusterCommands, answering_pods, curl, eventually, running
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred

MODE = {"loopback": "proxy: {mode: nftables, workers: 2}", "exact": ""}
"""The exact plan has it by default."""
GATEWAY = {"loopback": "127.244.1.1", "exact": "10.244.1.1"}
CLUSTER = """\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
sandbox: namespaces
networking: {plan: PLAN}
MODE
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec:
  replicas: 2
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      containers:
      - name: c
        image: agnhost
        args: [netexec, --http-port=80, --udp-port=81]
        ports: [{name: http, containerPort: 80}, {containerPort: 81, protocol: UDP}]
        readinessProbe: {httpGet: {port: http, path: /healthz}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  nodeName: node-1
  containers:
  - {name: c, image: agnhost, args: [pause]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: server}
  ports: [{name: http, port: 80, nodePort: 30080}, {name: udp, port: 81, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: requests}
spec:
  selector: {app: server}
  ports: [{port: 80, appProtocol: http}]
"""


@dataclass
class Nftables:
    """The cluster in one plan."""

    plan: str
    cluster: ClusterCommands
    kubectl: Kubectl

    def ask(self, url: str) -> str:
        """Return what the client pod gets."""
        return self.kubectl(f"kubectl exec client -- curl -sS --max-time 20 {url}").out.strip()

    def trace(self, *packet: str) -> dict[str, Any]:
        """Return the trace of a packet."""
        found: dict[str, Any] = json.loads(self.cluster.named("trace", *packet, "-o", "json").stdout)
        return found

    def address(self, pod: str) -> str:
        """Return a pod's address."""
        return str(next(each["podIP"] for each in self.cluster.pods(pod)))


@pytest.fixture(scope="module", params=["loopback", "exact"])
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, default_addresses: None
) -> Iterator[Nftables]:
    plan: str = request.param
    folder: Path = tmp_path_factory.mktemp(plan)
    (folder / "cluster.yaml").write_text(CLUSTER.replace("PLAN", plan).replace("MODE", MODE[plan]))
    with running(ClusterCommands(folder / "state"), str(folder / "cluster.yaml")) as cluster:
        found = find_kubectls()
        version = preferred(found)
        yield Nftables(plan, cluster, Kubectl(version, found[version], folder, kubeconfig_of(cluster), folder))


def test_the_kernel_takes_what_pods_send_and_sockets_what_the_host_sends(kernel: Nftables) -> None:
    assert kernel.trace("pod/client", "svc/web:80")["steps"][-1] == "nftables in the network of the pods takes it."
    assert "nftables" not in kernel.trace("outside", "svc/web:80")["steps"][-1]
    at = kernel.cluster.at("web")
    names = {each["name"] for each in kernel.cluster.pods("server")}
    assert set(answering_pods(at, enough(len(names)))) == names
    assert kernel.cluster.status()["problems"] == []


def test_every_pod_of_a_service_answers_by_name(kernel: Nftables) -> None:
    names = {each["name"] for each in kernel.cluster.pods("server")}
    asked = f"http://web/hostname?[1-{enough(len(names))}] -H Connection:close -w '\\n'"
    assert set(kernel.ask(asked).split()) == names


def test_a_server_sees_a_pod_at_a_cluster_ip_and_the_node_at_a_node_port(kernel: Nftables) -> None:
    assert kernel.ask("http://web/clientip").startswith(f"{kernel.address('client')}:")
    (node, *_) = (each["addresses"][0] for each in kernel.cluster.status()["nodes"])
    assert kernel.ask(f"http://{node}:30080/clientip").startswith(f"{GATEWAY[kernel.plan]}:")


def test_the_kernels_connections_are_shown(kernel: Nftables) -> None:
    kernel.ask("http://web/hostname")
    shown = json.loads(kernel.cluster.named("connections", "svc/web", "-o", "json").stdout)["connections"]
    mine = [each for each in shown if each["client"] == kernel.address("client") and each["protocol"] == "tcp"]
    assert mine
    assert all(each["pod"].startswith("server-") and each["why"] == "random of 2" for each in mine)
    assert all(each["bytesToEndpoint"] and each["bytesToClient"] and each["state"] == "closed" for each in mine)


def test_http_services_stay_in_userspace(kernel: Nftables) -> None:
    said = kernel.trace("pod/client", "svc/requests:80")["steps"][-1]
    assert said == "The userspace engine takes it: requests are balanced, and the kernel sees connections only."
    assert kernel.ask("http://requests/hostname").startswith("server-")


def test_a_service_without_endpoints_refuses_at_once_and_serves_again(kernel: Nftables) -> None:
    kernel.kubectl("kubectl scale deployment server --replicas=0")
    assert eventually(lambda: not kernel.cluster.pods("server"))
    refused = kernel.kubectl("kubectl exec client -- curl -sS --max-time 20 http://web", status=7)
    assert "connect to web port 80" in refused.err
    kernel.kubectl("kubectl scale deployment server --replicas=2")
    assert eventually(lambda: len(kernel.cluster.ready_pods("server")) == 2)
    assert kernel.ask("http://web/hostname").startswith("server-")


def test_the_proxy_says_its_mode(kernel: Nftables) -> None:
    assert curl("http://127.0.0.1:10249/proxyMode") == "nftables"


def test_a_new_agent_has_all_rules_again(kernel: Nftables) -> None:
    before = {pod["name"]: pod["restarts"] for pod in kernel.cluster.pods()}
    os.kill(agent_of(kernel.cluster.status()["pid"]), signal.SIGKILL)
    assert eventually(lambda: all(pod["restarts"] > before[pod["name"]] for pod in kernel.cluster.pods()))
    assert eventually(lambda: kernel.cluster.status()["ready"])
    assert kernel.trace("pod/client", "svc/web:80")["steps"][-1] == "nftables in the network of the pods takes it."
    assert kernel.ask("http://web/clientip").startswith(f"{kernel.address('client')}:")
    assert kernel.cluster.status()["problems"] == []

"""Pods in networks of their own: which client a server sees, by both families, and how node and kubectl reach pods."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import dnslib
import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, eventually, running
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred

NODE = "127.168.0.101"
LOCAL_ONLY = f'[{sys.executable}, -u, -m, http.server, "8090", --bind, 127.0.0.1]'
CLUSTER = """\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
sandbox: namespaces
networking: {serviceSubnet: "127.96.0.0/12,fd00:10:96::/108", podSubnet: "127.244.0.0/16,fd00:10:244::/48"}
proxy: {workers: 2}
dns: {upstreams: ["127.0.0.1:UPSTREAM"]}
nodes: [{name: node-1}]
externalHosts: [{name: outside.test, address: 10.65.40.20, page: from outside}]
---
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  containers:
  - name: c
    image: agnhost
    args: [netexec, --http-port=80, --udp-port=81]
    ports: [{name: http, containerPort: 80}, {containerPort: 81, protocol: UDP}]
    readinessProbe: {httpGet: {port: http, path: /healthz}, periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: http}, periodSeconds: 1, initialDelaySeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
  - name: c
    image: local-only
---
apiVersion: v1
kind: Pod
metadata: {name: on-node}
spec:
  hostNetwork: true
  containers:
  - name: c
    image: local-only
    readinessProbe: {httpGet: {port: 8090, host: 127.0.0.1}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ipFamilyPolicy: RequireDualStack
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: server}
  ports: [{name: http, port: 80}, {name: udp, port: 81, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: abroad}
spec: {type: ExternalName, externalName: abroad.example}
""".replace("image: local-only", f"image: agnhost\n    command: {LOCAL_ONLY}")


@dataclass
class Places:
    """The cluster, and what its pods and its node say."""

    cluster: ClusterCommands
    kubectl: Kubectl

    def in_pod(self, pod: str, *command: str) -> str:
        """Return what a command in a pod prints."""
        return self.kubectl(f"kubectl exec {pod} -- {' '.join(command)}").out.strip()

    def seen(self, pod: str, family: int, host: str = "web") -> str:
        """Return the address that the server sees when a pod asks it."""
        asked = f"[{host}]" if ":" in host else host
        said = self.in_pod(pod, "curl", "-sS", f"-{family}", "--max-time", "20", f"http://{asked}/clientip")
        return str(ip_address(said.rpartition(":")[0].strip("[]").removeprefix("::ffff:")))

    def address(self, pod: str, family: int) -> str:
        """Return a pod's address of a family."""
        found = self.kubectl.json(f"kubectl get pod {pod}")["status"]
        assert isinstance(found, dict)
        return next(str(each["ip"]) for each in found["podIPs"] if (":" in each["ip"]) == (family == 6))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    folder = tmp_path_factory.mktemp("places")
    with upstream() as port:
        (folder / "cluster.yaml").write_text(CLUSTER.replace("UPSTREAM", str(port)))
        yield from serving(folder)


@contextmanager
def upstream() -> Iterator[int]:
    """Have a name server that has an address for every name; yields its port."""

    def answer() -> None:
        while True:
            query, client = sock.recvfrom(512)
            if not query:
                return
            reply = dnslib.DNSRecord.parse(query).reply()
            reply.add_answer(dnslib.RR(reply.q.qname, rdata=dnslib.A("192.0.2.7"), ttl=60))
            sock.sendto(reply.pack(), client)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.sendto(b"", sock.getsockname())
            thread.join()


def serving(folder: Path) -> Iterator[Places]:
    """Have the cluster of a folder."""
    with running(ClusterCommands(folder / "state"), str(folder / "cluster.yaml")) as cluster:
        found = find_kubectls()
        version = preferred(found)
        yield Places(cluster, Kubectl(version, found[version], folder, kubeconfig_of(cluster), folder))


@pytest.mark.parametrize("family", [4, 6])
def test_a_server_sees_its_client_pod_by_a_service_and_directly(places: Places, family: int) -> None:
    client = places.address("client", family)
    assert places.seen("client", family) == client
    assert places.seen("client", family, places.address("server", family)) == client


@pytest.mark.parametrize(("family", "gateway"), [(4, "127.244.1.1"), (6, "fd00:10:244:1::1")])
def test_a_server_sees_its_node_where_it_is_its_own_client(places: Places, family: int, gateway: str) -> None:
    assert places.seen("server", family) == gateway


def test_a_server_sees_its_node_where_the_client_is_the_host(places: Places) -> None:
    for kind, address in (("clusterIP", places.cluster.service("web")["clusterIP"]), ("loadBalancer", "127.0.113.1")):
        assert curl(f"http://{places.cluster.at('web', kind, address)}/clientip").startswith("127.244.1.1:")


def test_a_node_port_is_the_node_s_to_pods_and_localhost_s_to_the_host(places: Places) -> None:
    (node_port,) = {each["port"] for each in places.cluster.service("web")["listeners"] if is_tcp_node_port(each)}
    address = "fd00:10:168::101"
    said = places.in_pod("client", "curl", "-sS", "--max-time", "20", f"http://[{address}]:{node_port}/hostname")
    assert said == curl(f"http://[::1]:{node_port}/hostname") == "server"


def test_the_node_is_ready_where_its_pod_listens_on_localhost_alone(places: Places) -> None:
    assert places.cluster.ready_pods("on-node")
    assert places.cluster.ready_pods("server")


@pytest.mark.parametrize("pod", ["client", "on-node"])
def test_port_forward_reaches_what_listens_on_localhost_alone(places: Places, pod: str) -> None:
    with places.kubectl.terminal(f"kubectl port-forward {pod} :8090", is_tty=False) as forward:
        local = forward.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 8090\n")[1]
        assert "Directory listing" in curl(f"http://127.0.0.1:{local}/")
        forward.interrupt()


def test_the_api_server_s_proxy_reaches_a_pod_s_port_from_the_node(places: Places) -> None:
    said = places.kubectl("kubectl get --raw /api/v1/namespaces/default/pods/server:80/proxy/clientip").out
    assert said.startswith("127.244.1.1:")


def test_a_health_check_of_a_service_answers_on_the_host_and_to_pods(places: Places) -> None:
    spec = places.kubectl.json("kubectl get service web")["spec"]
    assert isinstance(spec, dict)
    url = f"http://{NODE}:{spec['healthCheckNodePort']}/"
    assert json.loads(curl(url))["localEndpoints"] == 1
    assert json.loads(places.in_pod("client", "curl", "-sS", "--max-time", "20", url))["localEndpoints"] == 1


def test_pods_reach_the_api_and_a_host_outside_by_their_names(places: Places) -> None:
    assert places.in_pod("client", "curl", "-sS", "--max-time", "20", "http://outside.test") == "from outside"
    assert '"code":401' in places.in_pod("client", "curl", "-skS", "--max-time", "20", "https://kubernetes/version")


def test_why_pods_do_not_reach_a_host_outside_is_said(places: Places) -> None:
    error = places.cluster.status()["sandbox"]["internet"]
    told = places.cluster.named("explain", "svc/abroad").stdout
    text = f"! Pods do not reach its target abroad.example, nor any other host outside: {error}."
    assert (text in told) == bool(error), told


def test_a_new_agent_brings_back_what_a_killed_one_had(places: Places) -> None:
    before = {pod["name"]: pod["restarts"] for pod in places.cluster.pods()}
    os.kill(agent_of(places.cluster.status()["pid"]), signal.SIGKILL)
    assert eventually(lambda: all(pod["restarts"] > before[pod["name"]] for pod in places.cluster.pods()))
    assert eventually(lambda: places.cluster.status()["ready"])
    assert places.seen("client", 4) == places.address("client", 4)
    assert places.seen("client", 6) == places.address("client", 6)
    assert curl(f"http://{places.cluster.at('web', 'loadBalancer', '127.0.113.1')}/clientip").startswith("127.244.1.1:")


def is_tcp_node_port(listener: dict[str, object]) -> bool:
    """Tell what a listener of the status document is."""
    return (listener["kind"], listener["protocol"]) == ("nodePort", "TCP")


def agent_of(daemon: int) -> int:
    """Return the first descendant of a cluster's process that is in another network."""
    own = Path(f"/proc/{daemon}/ns/net").readlink()
    found = [daemon]
    for pid in found:
        if Path(f"/proc/{pid}/ns/net").readlink() != own:
            return pid
        found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    raise LookupError(daemon)

"""Nodes: as many as wanted, with zones and labels; pods on them and their traffic; and one that is taken away."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import HTTP_PORT, Manifest, deployment, pod, service, write
from tests.helpers.kubectl.cli import Kubectl
from tests.helpers.load import load_on
from tests.helpers.patience import PATIENCE

GROUND = Ground(12)
NODE_PORT = GROUND.first_node_port + 7
CURLE_COULDNT_CONNECT = 7

CONFIGURATION = GROUND.configuration(zones=("a", "a", "b")).replace(
    "  - name: node-3\n", "  - name: node-3\n    region: here\n"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    manifests = (CONFIGURATION, service("web", type="NodePort", ports=[node_port()]), deployment("web", 6))
    return write(tmp_path_factory.mktemp("manifests") / "cluster.yaml", *manifests)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, file: str) -> Iterator[ClusterCommands]:
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "nodes"), file) as commands:
        yield commands


def node_port() -> Manifest:
    return {"name": "http", "port": HTTP_PORT, "nodePort": NODE_PORT}


def apply(kubectl: Kubectl, *manifests: Manifest) -> None:
    kubectl("kubectl apply -f -", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))


def nodes_of(cluster: ClusterCommands, prefix: str) -> Counter[str]:
    return Counter(each["node"] for each in cluster.ready_pods(prefix))


def test_nodes_have_their_zone_and_region_and_pods_are_spread_over_them(
    cluster: ClusterCommands, kubectl: Kubectl
) -> None:
    said = kubectl("kubectl get nodes -L topology.kubernetes.io/zone,topology.kubernetes.io/region --no-headers").out
    assert [(line.split()[0], line.split()[1], *line.split()[5:]) for line in said.splitlines()] == [
        ("node-1", "Ready", "a"),
        ("node-2", "Ready", "a"),
        ("node-3", "Ready", "b", "here"),
    ]
    assert nodes_of(cluster, "web-") == {"node-1": 2, "node-2": 2, "node-3": 2}
    said = kubectl("kubectl get pods -l topology.kubernetes.io/zone=b -o jsonpath={.items[*].spec.nodeName}").out
    assert said == "node-3 node-3"


def test_what_a_pod_asks_comes_from_its_address_and_so_enters_at_its_node(
    cluster: ClusterCommands, kubectl: Kubectl
) -> None:
    local = service("local", "web", internalTrafficPolicy="Local")
    asking = [pod(f"asking-{number}", nodeName=f"node-{number}") for number in (1, 3)]
    apply(kubectl, local, *asking)
    kubectl("kubectl wait --for=condition=Ready pod/asking-1 pod/asking-3")
    address, port = cluster.at("local").split(":")
    for number in (1, 3):
        own = {each["name"] for each in cluster.ready_pods("web-") if each["node"] == f"node-{number}"}
        run = f"kubectl exec asking-{number} -- "
        by_curl = {kubectl(f"{run}curl -s local:{port}/hostname").out for _ in range(4)}
        dialled = f"http://$POD_IP:{HTTP_PORT}/dial?host={address}&port={port}&request=hostname&tries=20"
        by_dial = set(json.loads(kubectl(f"{run}sh -c 'curl -s \"{dialled}\"'").out)["responses"])
        assert by_curl <= own
        assert by_dial == own
        [seen] = {each["podIP"] for each in cluster.ready_pods(f"asking-{number}")}
        assert kubectl(f"{run}curl -s local:{port}/clientip").out.startswith(f"{seen}:")
        assert kubectl(f"{run}/agnhost connect --timeout={PATIENCE}s local:{port}").everything == ""


def test_a_pod_of_tools_asks_as_in_every_tutorial(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    port = cluster.at("web").partition(":")[2]
    asked = f"kubectl run asked --image=busybox:1.36 --restart=Never --attach --rm -q -- wget -qO- web:{port}/hostname"
    assert kubectl(asked).out.startswith("web-")
    spidered = f"kubectl run spider --image=busybox --restart=Never --attach --rm -q -- wget --spider -T1 nosuch:{port}"
    assert "unable to resolve host address" in kubectl(spidered, status=4).everything  # the machine's own wget


def test_a_pod_reaches_itself_through_its_service(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    apply(kubectl, service("mirror"), pod("mirror"))
    kubectl("kubectl wait --for=condition=Ready pod/mirror")
    dialled = f"http://$POD_IP:{HTTP_PORT}/dial?host=mirror&port={HTTP_PORT}&request=hostname"
    assert eventually(lambda: cluster.service("mirror")["endpoints"])
    said = kubectl(f"kubectl exec mirror -- sh -c 'curl -s \"{dialled}\"'").out
    assert json.loads(said) == {"responses": ["mirror"]}


def test_an_evicted_pod_is_replaced_and_leaves_its_service(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    apply(kubectl, service("low"), deployment("low", 1))
    kubectl("kubectl rollout status deployment low")
    [evicted] = cluster.ready_pods("low-")
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
    patch = json.dumps({"status": status})
    kubectl(f"kubectl patch pod {evicted['name']} --subresource=status --type=merge -p '{patch}'")
    assert eventually(lambda: [each["name"] for each in cluster.ready_pods("low-")] not in ([], [evicted["name"]]))
    shown = kubectl(f"kubectl get pod {evicted['name']} -o jsonpath={{.status.phase}},{{.status.reason}}").out
    assert shown == "Failed,Evicted"
    assert evicted["name"] not in {each["pod"] for each in cluster.service("low")["endpoints"]}
    kubectl(f"kubectl delete pod {evicted['name']}")


def test_replicas_that_want_a_node_each_wait_when_there_is_none_left(
    cluster: ClusterCommands, kubectl: Kubectl
) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "alone"}}, "topologyKey": "kubernetes.io/hostname"}
    alone = deployment("alone", 4)
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    alone["spec"]["template"]["spec"]["affinity"] = affinity
    apply(kubectl, alone)
    assert eventually(
        lambda: set(nodes_of(cluster, "alone-").values()) == {1} and len(nodes_of(cluster, "alone-")) == 3
    )
    said = kubectl("kubectl get events --field-selector reason=FailedScheduling").out
    assert "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules." in said
    kubectl("kubectl delete deployment alone")


class Kept:
    """One connection to a pod, kept open."""

    def __init__(self, at: str) -> None:
        host, _, port = at.rpartition(":")
        self.connection = HTTPConnection(host, int(port), timeout=PATIENCE)
        self.connection.connect()
        self.connection.auto_open = 0
        self.pod = self.ask()

    def ask(self) -> str:
        self.connection.request("GET", "/hostname")
        return self.connection.getresponse().read().decode()


def test_a_node_that_is_taken_away_under_traffic_takes_only_what_is_on_it(
    file: str, cluster: ClusterCommands, kubectl: Kubectl
) -> None:
    """What others have decided about the nodes that stay, and the node that went, are as before after a restart."""
    kubectl("kubectl label node node-1 disk=ssd")
    gone = {each["name"] for each in cluster.ready_pods("web-") if each["node"] == "node-2"}
    at = cluster.at("web")
    clients = [Kept(at) for _ in range(24)]
    with load_on(at) as load:
        load.goes_on()
        kubectl("kubectl delete node node-2")
        assert eventually(lambda: nodes_of(cluster, "web-") == {"node-1": 3, "node-3": 3})
        failed = load.goes_on().failures
        after = load.goes_on().failures
    assert after == failed, "new requests go to the nodes that are left"
    for client in clients:
        if client.pod not in gone:
            assert client.ask() == client.pod
        client.connection.close()
    assert not gone & {each["name"] for each in cluster.pods("web-")}
    assert not gone & {each["pod"] for each in cluster.service("web")["endpoints"]}
    assert curl(f"http://{GROUND.node(1)}:{NODE_PORT}/hostname").startswith("web-")
    assert curl_result(f"http://{GROUND.node(2)}:{NODE_PORT}/").returncode == CURLE_COULDNT_CONNECT
    assert cluster.down().returncode == 0
    assert cluster.up(file).returncode == 0
    labelled = kubectl("kubectl get nodes -l disk=ssd -o name").out.split()
    assert labelled == ["node/node-1"]
    assert curl(f"http://{GROUND.node(2)}:{NODE_PORT}/hostname").startswith("web-")
    assert kubectl("kubectl get nodes -o name").out.split() == ["node/node-1", "node/node-2", "node/node-3"]

"""The tutorial typed into `kubesvc shell` on a cluster with exact addresses: word for word, and what it prints.

What is random there (names of pods, cluster IPs) is so here. The stories follow each other as its chapters do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.helpers.cluster.cli import ClusterCommands, eventually, running
from tests.helpers.cluster.nodeshell import NodeShell, node_shell
from tests.helpers.configs import CONFIGS

OUTSIDE = """
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
externalHosts:
- {name: the-world.example, address: 10.65.40.20, port: 80, page: k8s ExternalName test page}
"""
"""The web server that the tutorial needs outside; its name is what the reader types into /etc/hosts."""
CLUSTER_IP = r"10\.(?:9[6-9]|10\d|11[01])\.\d{1,3}\.\d{1,3}"
POD_IP = r"10\.244\.[12]\.\d{1,3}"
POD = r"nginx-[0-9a-z]{8,10}-[0-9a-z]{5}"
WELCOME = "<title>Welcome to nginx!</title>"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, default_addresses: None) -> Iterator[NodeShell]:
    folder = tmp_path_factory.mktemp("root")
    for file in (CONFIGS / "tutorial").glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    commands = ClusterCommands(tmp_path_factory.mktemp("state"))
    with running(commands, "--exact", "-", stdin=OUTSIDE), node_shell(commands, folder) as opened:
        yield opened


def table(text: str) -> list[list[str]]:
    """Return the cells of a table that kubectl printed, without its header."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines()[1:]]


def test_the_reader_is_root_on_the_first_node(shell: NodeShell) -> None:
    assert shell.run("hostname; id -u").split() == ["node-1", "0"]


def test_nginx_is_deployed_and_scaled(shell: NodeShell) -> None:
    assert shell.run("kubectl create deployment nginx --image=nginx") == "deployment.apps/nginx created\n"
    shell.run("kubectl rollout status deployment nginx")
    assert table(shell.run("kubectl get deployments.apps"))[0][:4] == ["nginx", "1/1", "1", "1"]
    assert shell.run("kubectl scale deployment --replicas=2 nginx") == "deployment.apps/nginx scaled\n"
    shell.run("kubectl rollout status deployment nginx")
    pods = table(shell.run("kubectl get po --show-labels"))
    assert len(pods) == 2
    for name, ready, status, restarts, _, labels in pods:
        assert re.fullmatch(POD, name)
        assert (ready, status, restarts) == ("1/1", "Running", "0")
        assert labels == f"app=nginx,pod-template-hash={name.split('-')[1]}"


def test_a_cluster_ip_answers(shell: NodeShell) -> None:
    assert shell.run("kubectl create -f svc.yaml") == "service/nginx-svc created\n"
    [row] = table(shell.run("kubectl get svc -o wide nginx-svc"))
    assert re.fullmatch(CLUSTER_IP, row[2])
    assert row[:2] + row[3:5] + row[6:] == ["nginx-svc", "ClusterIP", "<none>", "80/TCP", "app=nginx"]
    assert eventually(lambda: WELCOME in shell.run(f"curl -sS {row[2]}"))


def test_the_node_port_answers_on_both_nodes(shell: NodeShell) -> None:
    assert shell.run("kubectl create -f nodeport-svc.yaml") == "service/nginx-nodeport-svc created\n"
    [row] = table(shell.run("kubectl get svc -o wide nginx-nodeport-svc"))
    assert row[1:2] + row[3:5] == ["NodePort", "<none>", "80:30001/TCP"]
    for node in ("192.168.0.101:30001", "192.168.0.102:30001"):
        assert eventually(lambda node=node: WELCOME in shell.run(f"curl -sS {node}"))  # type: ignore[misc]


def test_an_external_name_is_resolved_by_what_is_typed_into_etc_hosts(shell: NodeShell) -> None:
    shell.run("echo '10.65.40.20 k8s.service.com' >> /etc/hosts")
    assert shell.run("kubectl create -f dns-externalname-svc.yaml") == "service/dns-externalname-svc created\n"
    [row] = table(shell.run("kubectl get svc dns-externalname-svc"))
    assert row[:4] == ["dns-externalname-svc", "ExternalName", "<none>", "k8s.service.com"]
    assert shell.run("curl -sS k8s.service.com") == "k8s ExternalName test page\n"
    # Pods find it too, as the cluster's DNS honours the file.
    assert eventually(lambda: "10.65.40.20" in shell.run("dig +short dns-externalname-svc.default.svc.cluster.local"))


def test_endpoints_by_hand_lead_to_the_server_outside(shell: NodeShell) -> None:
    assert shell.run("kubectl create -f externalname-svc-1.yaml") == "service/externalname-svc-httpd created\n"
    created = shell.run("kubectl create -f externalname-svc-2.yaml")
    assert created.splitlines()[-1] == "endpoints/externalname-svc-httpd created"
    [row] = table(shell.run("kubectl get svc -o wide externalname-svc-httpd"))
    assert row[1:2] + row[3:5] + row[6:] == ["ClusterIP", "<none>", "80/TCP", "<none>"]
    assert re.fullmatch(CLUSTER_IP, row[2])
    assert eventually(lambda: shell.run(f"curl -sS {row[2]}") == "k8s ExternalName test page\n")


def test_a_pod_looks_the_headless_service_up(shell: NodeShell) -> None:
    assert shell.run("kubectl create -f headless-svc.yaml") == "service/headless-svc created\n"
    [row] = table(shell.run("kubectl get svc headless-svc"))
    assert row[:5] == ["headless-svc", "ClusterIP", "None", "<none>", "80/TCP"]
    pod = table(shell.run("kubectl get pod"))[0][0]
    shell.enter(f"kubectl exec --stdin --tty {pod} -- /bin/bash")
    try:
        looked_up = shell.run("nslookup headless-svc")
        assert re.search(r"Server:\s+10\.96\.0\.10\nAddress:\s+10\.96\.0\.10#53\n", looked_up)
        found = re.findall(rf"Name:\s+headless-svc\.default\.svc\.cluster\.local\nAddress: ({POD_IP})\n", looked_up)
        assert len(found) == 2
        assert WELCOME in shell.run("curl -sS headless-svc.default.svc.cluster.local")
    finally:
        shell.leave()


def test_the_external_ip_answers(shell: NodeShell) -> None:
    said = shell.run("kubectl create -f externalip-svc.yaml")
    assert said.splitlines()[-1] == "service/externalip-svc created"
    assert "spec.externalIPs is deprecated" in said
    [row] = table(shell.run("kubectl get svc externalip-svc"))
    assert row[1:2] + row[3:5] == ["ClusterIP", "192.168.0.101", "80/TCP"]
    assert eventually(lambda: WELCOME in shell.run("curl -sS 192.168.0.101"))


def test_nothing_was_translated(shell: NodeShell) -> None:
    listed = shell.run("kubectl get svc,endpoints,nodes -o wide --no-headers | grep -v endpoints/kubernetes")
    assert not re.search(r"(?<![\d.])127\.", listed)  # 10.110.127.253 is an address of the range

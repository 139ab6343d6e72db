"""The tutorial on Services from its first command to its last, word for word, with the real kubectl.

Its addresses are the default ones: Kubernetes' own with the first octet replaced by 127. The cluster begins empty but
for the world outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, eventually, running
from tests.helpers.configs import CONFIGS
from tests.helpers.kubectl.cli import Kubectl, Version, kubeconfig_of, read_table

TUTORIAL = CONFIGS / "tutorial"
WELCOME = "<title>Welcome to nginx!</title>"
OUTSIDE_PAGE = "k8s ExternalName test page\n"


@pytest.fixture(scope="module")
def outside_only(tmp_path_factory: pytest.TempPathFactory, default_addresses: None) -> Iterator[ClusterCommands]:
    """A cluster that begins empty: no manifest, but the world around the tutorial's cluster."""
    with running(ClusterCommands(tmp_path_factory.mktemp("state")), str(TUTORIAL / "cluster.yaml")) as commands:
        yield commands


@pytest.mark.kubectl(since=(1, 20))
def test_the_tutorial_works_word_for_word(
    outside_only: ClusterCommands, kubectl_binary: tuple[Version, Path], tmp_path: Path
) -> None:
    version, binary = kubectl_binary
    kubectl = Kubectl(version, binary, tmp_path, kubeconfig_of(outside_only), TUTORIAL)
    story = Story(outside_only, kubectl)
    story.basics()
    story.cluster_ip()
    story.node_port()
    story.external_name()
    story.external_address()
    story.headless()
    story.shell()
    story.external_ip()
    kubectl("kubectl delete deployment nginx")
    kubectl("kubectl delete -f svc.yaml -f nodeport-svc.yaml -f dns-externalname-svc.yaml -f externalname-svc-1.yaml")
    kubectl("kubectl delete -f headless-svc.yaml -f externalip-svc.yaml")
    # 1.20 calls it an error when nothing is left to wait for.
    kubectl("kubectl wait --for=delete pod -l app=nginx", status=None)


@dataclass
class Story:
    """The tutorial's chapters, in its order."""

    cluster: ClusterCommands
    kubectl: Kubectl

    def basics(self) -> None:
        kubectl = self.kubectl
        kubectl.session("""
$ kubectl create deployment nginx --image=nginx
deployment.apps/nginx created
$ kubectl rollout status deployment nginx
...
deployment "nginx" successfully rolled out
$ kubectl get deployments.apps
NAME    READY   UP-TO-DATE   AVAILABLE   AGE
nginx   1/1     1            1           <age>
$ kubectl get po --show-labels
NAME                    READY   STATUS    RESTARTS   AGE     LABELS
nginx-<hash>-<suffix>   1/1     Running   0          <age>   app=nginx,pod-template-hash=<hash>
$ kubectl scale deployment --replicas=2 nginx
deployment.apps/nginx scaled
$ kubectl rollout status deployment nginx
...
deployment "nginx" successfully rolled out
$ kubectl get po --show-labels
NAME                    READY   STATUS    RESTARTS   AGE     LABELS
nginx-<hash>-<suffix>   1/1     Running   0          <age>   app=nginx,pod-template-hash=<hash>
nginx-<hash>-<suffix>   1/1     Running   0          <age>   app=nginx,pod-template-hash=<hash>
$ kubectl get deployments.apps --show-labels
NAME    READY   UP-TO-DATE   AVAILABLE   AGE     LABELS
nginx   2/2     2            2           <age>   app=nginx
""")

    def cluster_ip(self) -> None:
        self.kubectl.session("""
$ kubectl create -f svc.yaml
service/nginx-svc created
$ kubectl get svc -o wide nginx-svc
NAME        TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE     SELECTOR
nginx-svc   ClusterIP   <ip>         <none>        80/TCP    <age>   app=nginx
""")
        assert WELCOME in self.curl_cluster_ip("nginx-svc")

    def node_port(self) -> None:
        self.kubectl.session("""
$ kubectl create -f nodeport-svc.yaml
service/nginx-nodeport-svc created
$ kubectl get svc -o wide nginx-nodeport-svc
NAME                 TYPE       CLUSTER-IP   EXTERNAL-IP   PORT(S)        AGE     SELECTOR
nginx-nodeport-svc   NodePort   <ip>         <none>        80:30001/TCP   <age>   app=nginx
""")
        assert WELCOME in self.curl_cluster_ip("nginx-nodeport-svc")
        for node in ("127.168.0.101", "127.168.0.102"):
            assert WELCOME in curl(f"http://{node}:30001/")

    def external_name(self) -> None:
        self.kubectl.session("""
$ kubectl create -f dns-externalname-svc.yaml
service/dns-externalname-svc created
$ kubectl get svc dns-externalname-svc
NAME                   TYPE           CLUSTER-IP   EXTERNAL-IP       PORT(S)   AGE
dns-externalname-svc   ExternalName   <none>       k8s.service.com   <none>    <age>
""")
        assert self.cluster.dig("dns-externalname-svc.default.svc.cluster.local", "CNAME") == ["k8s.service.com."]

    def external_address(self) -> None:
        self.kubectl.session("""
$ kubectl create -f externalname-svc-1.yaml
service/externalname-svc-httpd created
$ kubectl get svc externalname-svc-httpd
NAME                     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
externalname-svc-httpd   ClusterIP   <ip>         <none>        80/TCP    <age>
$ kubectl create -f externalname-svc-2.yaml
...
endpoints/externalname-svc-httpd created
$ kubectl get svc -o wide externalname-svc-httpd
NAME                     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE     SELECTOR
externalname-svc-httpd   ClusterIP   <ip>         <none>        80/TCP    <age>   <none>
""")
        assert self.curl_cluster_ip("externalname-svc-httpd") == OUTSIDE_PAGE
        # The same web server under its own name, at the port where the Service in front of it leads.
        port, address = self.cluster.listener("externalname-svc-httpd")["port"], self.cluster.dig("k8s.service.com")[0]
        assert curl(f"http://k8s.service.com:{port}/", "--resolve", f"k8s.service.com:{port}:{address}") == OUTSIDE_PAGE

    def headless(self) -> None:
        self.kubectl.session("""
$ kubectl create -f headless-svc.yaml
service/headless-svc created
$ kubectl get svc headless-svc
NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
headless-svc   ClusterIP   None         <none>        80/TCP    <age>
$ kubectl get pod
NAME                    READY   STATUS    RESTARTS   AGE
nginx-<hash>-<suffix>   1/1     Running   0          <age>
nginx-<hash>-<suffix>   1/1     Running   0          <age>
""")

    def shell(self) -> None:
        """Look up and fetch from a shell in a pod, typed into a terminal."""
        pods = {pod["NAME"]: pod["IP"] for pod in read_table(self.kubectl("kubectl get pod -o wide").out)}
        name = next(iter(pods))
        with self.kubectl.terminal(f"kubectl exec --stdin --tty {name} -- /bin/bash") as shell:
            shell.type("nslookup headless-svc\n")
            shell.expect(r"Server:\t\t127\.96\.0\.10$")
            shell.expect(r"Address:\t127\.96\.0\.10#\d+$")
            found = [shell.expect(r"Name:\t(\S+)\nAddress: (\S+)$").groups() for _ in pods]
            assert sorted(found) == [("headless-svc.default.svc.cluster.local", ip) for ip in sorted(pods.values())]
            # Without a network of its own a pod's port 80 moves too where ports below 1024 are not allowed.
            has_network = self.cluster.status()["sandbox"]["mode"] == "namespaces"
            port = 80 if has_network else self.cluster.listener("nginx-svc")["port"]
            moved = "" if port == 80 else f":{port}"
            shell.type(f"curl headless-svc.default.svc.cluster.local{moved}\n")
            shell.expect(WELCOME)
            shell.type("exit\n")
            assert shell.wait() == 0

    def external_ip(self) -> None:
        self.kubectl.session("""
$ kubectl create -f externalip-svc.yaml
...
service/externalip-svc created
$ kubectl get svc externalip-svc
NAME             TYPE        CLUSTER-IP   EXTERNAL-IP     PORT(S)   AGE
externalip-svc   ClusterIP   <ip>         127.168.0.101   80/TCP    <age>
""")
        assert WELCOME in curl(f"http://{self.cluster.at('externalip-svc', 'externalIP', '127.168.0.101')}/")

    def curl_cluster_ip(self, service: str) -> str:
        """Return what answers on the CLUSTER-IP that kubectl prints, at the port that stands for 80 on this machine."""
        (row,) = read_table(self.kubectl(f"kubectl get svc {service}").out)
        eventually(lambda: self.cluster.listener(service)["bound"])
        at = self.cluster.at(service)
        assert at.startswith(row["CLUSTER-IP"] + ":")
        return curl(f"http://{at}/")

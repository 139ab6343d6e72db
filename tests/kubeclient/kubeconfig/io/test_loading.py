"""Kubeconfigs as clusters of the world write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeclient.kubeconfig.access import NO_PEM, Access, ConfigError, ExecPlugin, Pem, Server, User
from kubeclient.kubeconfig.io.loading import find_access

EKS = """
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: UEVN
    server: https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com
  name: arn:aws:eks:eu-central-1:111122223333:cluster/shop
contexts:
- context:
    cluster: arn:aws:eks:eu-central-1:111122223333:cluster/shop
    user: arn:aws:eks:eu-central-1:111122223333:cluster/shop
  name: arn:aws:eks:eu-central-1:111122223333:cluster/shop
current-context: arn:aws:eks:eu-central-1:111122223333:cluster/shop
kind: Config
preferences: {}
users:
- name: arn:aws:eks:eu-central-1:111122223333:cluster/shop
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - --region
      - eu-central-1
      - eks
      - get-token
      command: aws
      env: null
"""
GKE = """
apiVersion: v1
kind: Config
current-context: gke
clusters: [{name: gke, cluster: {server: "https://34.1.2.3", certificate-authority-data: UEVN}}]
contexts: [{name: gke, context: {cluster: gke, user: gke, namespace: shop}}]
users:
- name: gke
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: gke-gcloud-auth-plugin
      installHint: Install gke-gcloud-auth-plugin for use with kubectl by following
        https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
      provideClusterInfo: true
"""
MINIKUBE = """
apiVersion: v1
clusters:
- cluster:
    certificate-authority: ../.minikube/ca.crt
    extensions:
    - extension:
        last-update: Sun, 29 Nov 2026 10:00:00 UTC
        provider: minikube.sigs.k8s.io
        version: v1.38.0
      name: cluster_info
    server: https://192.168.49.2:8443
  name: minikube
contexts:
- context: {cluster: minikube, extensions: [{extension: {}, name: context_info}], namespace: default, user: minikube}
  name: minikube
current-context: minikube
kind: Config
users:
- name: minikube
  user:
    client-certificate: ../.minikube/profiles/minikube/client.crt
    client-key: ../.minikube/profiles/minikube/client.key
"""
K3S = """---
apiVersion: v1
clusters:
- cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: UEVN}
  name: default
contexts: [{context: {cluster: default, user: default}, name: default}]
current-context: default
kind: Config
users: [{name: default, user: {client-certificate-data: UEVN, client-key-data: UEVN}}]
"""
NOBODY = """
apiVersion: v1
kind: Config
current-context: proxied
clusters: [{name: c, cluster: {server: "localhost:8001"}}]
contexts: [{name: proxied, context: {cluster: c, user: u}}]
users: [{name: u, user: }]
"""
ARN = "arn:aws:eks:eu-central-1:111122223333:cluster/shop"
BETA = "client.authentication.k8s.io/v1beta1"
HINT = (
    "Install gke-gcloud-auth-plugin for use with kubectl by following"
    " https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl"
)
AWS = ExecPlugin("aws", ("--region", "eu-central-1", "eks", "get-token"), {}, BETA, False)
GCLOUD = ExecPlugin("gke-gcloud-auth-plugin", (), {}, BETA, True, HINT)
PEM = Pem(b"PEM")


def test_clusters_of_the_world_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)

    def beside(name: str) -> Pem:
        return Pem(file=str(tmp_path / "../.minikube" / name))

    eks_url = "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com"
    minikube = User(beside("profiles/minikube/client.crt"), beside("profiles/minikube/client.key"))
    wanted = {
        EKS: (ARN, Server(eks_url, PEM), User(plugin=AWS), "default"),
        GKE: ("gke", Server("https://34.1.2.3", PEM), User(plugin=GCLOUD), "shop"),
        MINIKUBE: ("minikube", Server("https://192.168.49.2:8443", beside("ca.crt")), minikube, "default"),
        K3S: ("default", Server("https://127.0.0.1:6443", PEM), User(PEM, PEM), "default"),
        NOBODY: ("proxied", Server("http://localhost:8001", NO_PEM), User(), "default"),
    }
    path = tmp_path / "config"
    for text, fields in wanted.items():
        path.write_text(text)
        assert find_access(path) == Access(*fields, str(path))


def test_the_proxy_of_the_environment_is_used_unless_the_file_names_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    path = tmp_path / "config"
    path.write_text(GKE)
    assert find_access(path).server.proxy == "http://proxy.test:3128"
    path.write_text(GKE.replace("certificate", "proxy-url: 'http://own.test:1', certificate"))
    assert find_access(path).server.proxy == "http://own.test:1"
    path.write_text(K3S)
    assert find_access(path).server.proxy == ""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.test:1080")
    path.write_text(GKE)
    with pytest.raises(ConfigError, match=r"https://34\.1\.2\.3, socks5://proxy\.test:1080: only http"):
        find_access(path)

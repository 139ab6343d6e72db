"""The ServiceAccounts of configs/deploy with what they are allowed, and clients that are them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from benchmarks.cluster.api import API
from benchmarks.cluster.controlplane import ControlPlane
from tests.helpers.configs import CONFIGS

DEPLOY = CONFIGS / "deploy"
PROXY, DNS = "kubesvc-proxy", "kubesvc-dns"
_FILES = {PROXY: DEPLOY / "proxy.yaml", DNS: DEPLOY / "dns.yaml"}
_KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")


def token_of(plane: ControlPlane, name: str) -> str:
    """Have an account with its role, and return a token of it."""
    api = plane.api()
    for each in yaml.safe_load_all(_FILES[name].read_text()):
        if each["kind"] in _KINDS:
            api.put(each)
    path = f"/api/v1/namespaces/kube-system/serviceaccounts/{name}/token"
    asked: dict[str, Any] = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token: str = api.send("POST", path, asked)["status"]["token"]
    return token


def kubeconfig_of(plane: ControlPlane, name: str, folder: Path) -> Path:
    """Return a kubeconfig of an account."""
    return plane.write_kubeconfig(folder / f"{name}.kubeconfig", token_of(plane, name))


def client_of(plane: ControlPlane, name: str) -> API:
    """Return a client that is an account."""
    return plane.api(token_of(plane, name))

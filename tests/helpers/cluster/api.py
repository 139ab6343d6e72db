"""A real cluster for API clients: what runs in it, and the kubeconfig by which a client finds it.

Its addresses are nobody else's. Every client has a namespace of its own, so that each sees only what it did itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.cluster.cli import ClusterCommands, running

WEB = "web"
"""A pod and the Service in front of it, in the namespace ``default``."""
WEB_PORT = 8080
GREETING = "the web pod starts"
"""The first line of the pod's log."""

_CONFIGURATION = """\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
networking:
  serviceSubnet: 127.72.0.0/16
  podSubnet: 127.252.0.0/16
  loadBalancerSubnet: 127.174.0.0/24
nodes:
  - {name: node-1, address: 127.173.0.101}
  - {name: node-2, address: 127.173.0.102}
proxy:
  healthzBindAddress: 127.173.0.100:10256
  metricsBindAddress: 127.173.0.100:10249
dns:
  bindAddresses: []
  upstreams: []
"""
_WEB = f"""\
apiVersion: v1
kind: Pod
metadata:
  name: {WEB}
  labels: {{app: {WEB}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: {WEB}
      image: python
      command: [sh, -c, "echo '{GREETING}'; exec python3 -m http.server {WEB_PORT}"]
      ports: [{{containerPort: {WEB_PORT}}}]
      readinessProbe:
        httpGet: {{port: {WEB_PORT}}}
        periodSeconds: 1
---
apiVersion: v1
kind: Service
metadata: {{name: {WEB}}}
spec:
  selector: {{app: {WEB}}}
  ports: [{{port: 80, targetPort: {WEB_PORT}}}]
"""


@dataclass(frozen=True)
class APICluster:
    """A running cluster."""

    commands: ClusterCommands
    kubeconfig: Path
    """As `kubesvc up` has told it."""


def manifests(namespaces: tuple[str, ...]) -> str:
    """Return what the cluster begins with, as YAML."""
    named = (f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {each}}}\n" for each in namespaces)
    return "---\n".join((_CONFIGURATION, *named, _WEB))


@contextmanager
def api_cluster(folder: Path, *namespaces: str) -> Iterator[APICluster]:
    """Have a cluster with these namespaces, its state in ``folder``, for the length of the block."""
    with running(ClusterCommands(folder, "clients"), "-", stdin=manifests(namespaces)) as commands:
        yield APICluster(commands, kubeconfig_told(commands.started.stdout))


def kubeconfig_told(said: str) -> Path:
    """Return the path in the line that `kubesvc up` prints for the user's shell."""
    found = re.search(r"^\s*export KUBECONFIG=(['\"]?)(.+)\1$", said, re.MULTILINE)
    assert found is not None, said
    return Path(found[2])

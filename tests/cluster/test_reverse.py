"""The other way round: kube-proxy and CoreDNS as clients of kubesvc's API, with nothing to complain of."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.cluster.networks import NodeNetwork
from tests.helpers.cluster.cli import eventually
from tests.helpers.configs import CONFIGS
from tests.helpers.patience import PATIENCE

MANIFEST = CONFIGS / "headless.yaml"
DNS_PORT = 2053
KNOWN = ("nodePortAddresses is unset", "Failed to list existing sets")
"""What kube-proxy says of this machine: node addresses in 127.0.0.0/8, and a kernel without its table."""
MISSING = ("servicecidrs.networking.k8s.io",)
"""What kubesvc's API does not serve; kube-proxy asks again for ever, and goes on without."""


class Home:
    """A kubesvc cluster in a network of its own."""

    def __init__(self, network: NodeNetwork, folder: Path) -> None:
        self.network, self.folder = network, folder
        self._environment = {**os.environ, "XDG_STATE_HOME": str(folder)}

    def run(self, *words: str) -> str:
        """Run a program in the cluster's network to its end, and return what it says."""
        done = subprocess.run(
            self.network.command(*words),
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout + done.stderr

    def kubesvc(self, *words: str) -> str:
        """Run `kubesvc`."""
        return self.run(sys.executable, "-m", "kubesvc", *words)


@pytest.fixture(scope="module")
def home(programs: dict[str, str], ground: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Have a cluster, kube-proxy and CoreDNS."""
    network = NodeNetwork(9)
    found = Home(network, tmp_path_factory.mktemp("reverse"))
    started: list[subprocess.Popen[bytes]] = []
    try:
        assert "ready" in found.kubesvc("up", "--sandbox", "none", "--detach", str(MANIFEST))
        kubeconfig = found.folder / "kubesvc" / "default" / "kubeconfig"
        started += _beside(found, programs, kubeconfig)
        yield found
    finally:
        for each in started:
            each.terminate()
            each.wait()
        found.kubesvc("down")
        network.close()


def _beside(home: Home, programs: dict[str, str], kubeconfig: Path) -> Iterator[subprocess.Popen[bytes]]:
    configuration, corefile = home.folder / "kube-proxy.yaml", home.folder / "Corefile"
    configuration.write_text(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n"
        f"clientConnection: {{kubeconfig: {kubeconfig}}}\nhostnameOverride: node-1\nclusterCIDR: 127.244.0.0/16\n"
        "healthzBindAddress: 127.0.0.1:20256\nmetricsBindAddress: 127.0.0.1:20249\n"
        "conntrack: {maxPerCore: 0, min: 0}\n"
    )
    corefile.write_text(
        f".:{DNS_PORT} {{\n bind 127.0.0.1\n errors\n ready 127.0.0.1:28282\n"
        f" kubernetes cluster.local {{\n kubeconfig {kubeconfig}\n }}\n}}\n"
    )
    commands = {
        "kube-proxy": (programs["kube-proxy"], f"--config={configuration}"),
        "coredns": (programs["coredns"], "-conf", str(corefile)),
    }
    for name, words in commands.items():
        with (home.folder / f"{name}.log").open("wb") as log:
            yield subprocess.Popen(home.network.command(*words), stdout=log, stderr=log)


def test_kube_proxy_follows_kubesvcs_api(home: Home) -> None:
    kubeconfig = str(home.folder / "kubesvc/default/kubeconfig")
    home.run("kubectl", "--kubeconfig", kubeconfig, "create", "service", "nodeport", "x", "--tcp=80")
    assert eventually(lambda: '"healthy":true' in home.run("curl", "-s", "http://127.0.0.1:20256/healthz"))
    listed = ("nft", "list", "map", "ip", "kube-proxy", "no-endpoint-services")
    assert eventually(lambda: "default/x:80" in home.run(*listed))
    said = (home.folder / "kube-proxy.log").read_text()
    complaints = [line for line in said.splitlines() if re.match(r"[EWF]\d{4} ", line)]
    assert [line for line in complaints if not any(each in line for each in (*KNOWN, *MISSING))] == []


def test_coredns_follows_kubesvcs_api(home: Home) -> None:
    asked = ("dig", "+short", "-p", str(DNS_PORT), "@127.0.0.1", "db.default.svc.cluster.local")
    assert eventually(lambda: len(home.run(*asked).split()) == 2)
    said = (home.folder / "coredns.log").read_text()
    assert [line for line in said.splitlines() if re.match(r"\[(ERROR|WARNING|FATAL)\]", line)] == []

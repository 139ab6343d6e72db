"""kill -9 at any moment loses nothing that was answered: ten rounds on the journal, two on a whole cluster."""

from __future__ import annotations

import json
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from tests.helpers.patience import PATIENCE

from kubesvc.state.saved import read_saved

ROUNDS = 10
ROOT = Path(__file__).parents[3]
CONFIGURATION = """\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
networking: {serviceSubnet: 127.114.0.0/16, podSubnet: 127.251.0.0/16, loadBalancerSubnet: 127.0.114.0/24}
nodes: [{name: node-1, address: 127.172.0.101}]
dns: {bindAddresses: [], upstreams: []}
proxy: {healthzBindAddress: "", metricsBindAddress: ""}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: registry.k8s.io/pause}]}
"""


def test_the_journal_keeps_every_answered_write_through_ten_kills(tmp_path: Path) -> None:
    path, answered, rng = tmp_path / "db", set[str](), random.Random()
    for _ in range(ROUNDS):
        command = [sys.executable, "-m", "tests.helpers.kubesvc.journal_process", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            said = {process.stdout.readline().strip()}
            threading.Timer(rng.uniform(0, 0.05), process.kill).start()
            said |= {line.strip() for line in process.stdout if line.endswith("\n")}
        assert process.returncode == -signal.SIGKILL
        answered |= said
        found = read_saved(path, "")
        assert found is not None
        assert answered <= {each["metadata"]["name"] for _, each in found.objects}
    assert len(answered) > ROUNDS


class Cluster:
    """A real cluster in the background, which a test kills."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "XDG_STATE_HOME": str(folder), "HOME": str(folder)}
        self.state = folder / "kubesvc" / "kept"

    def run(self, *arguments: str, stdin: str = "") -> str:
        command = [sys.executable, "-m", "kubesvc", *arguments, "--name", "kept"]
        done = subprocess.run(
            command, input=stdin, env=self._environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        config = json.loads((self.state / "kubeconfig").read_text())
        [cluster], [user] = config["clusters"], config["users"]
        context = ssl.create_default_context(
            cadata=ssl.DER_cert_to_PEM_cert(_der(cluster["cluster"]["certificate-authority-data"]))
        )
        request = urllib.request.Request(
            cluster["cluster"]["server"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {user['user']['token']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=context, timeout=PATIENCE) as answer:
            told: dict[str, object] = json.load(answer)
            return told

    def kill(self) -> None:
        status = json.loads(self.run("status", "-o", "json"))
        os.kill(status["pid"], signal.SIGKILL)


def _der(authority: str) -> bytes:
    import base64

    return ssl.PEM_cert_to_DER_cert(base64.b64decode(authority).decode())


def test_a_whole_cluster_goes_on_after_kill_9_with_the_same_objects_and_pods(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        cluster.run("up", "-", "--detach", stdin=CONFIGURATION)
        config_maps = "/api/v1/namespaces/default/configmaps"
        address = cluster.ask("GET", "/api/v1/namespaces/kube-system/services/kube-dns")["spec"]
        for round_ in range(1, 3):
            cluster.ask("POST", config_maps, {"metadata": {"name": f"round-{round_}"}})
            cluster.kill()
            cluster.run("up", "--detach")
            for earlier in range(1, round_ + 1):
                cluster.ask("GET", f"{config_maps}/round-{earlier}")
            assert cluster.ask("GET", "/api/v1/namespaces/kube-system/services/kube-dns")["spec"] == address
            pod = cluster.ask("GET", "/api/v1/namespaces/default/pods/web")
            [status] = pod["status"]["containerStatuses"]  # type: ignore[index]  # JSON
            assert (status["restartCount"], status["ready"]) == (round_, True)
    finally:
        cluster.run("down", "--purge")
    assert not cluster.state.exists()

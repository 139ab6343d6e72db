"""A real control plane on this machine: etcd, kube-apiserver and, if wanted, kube-controller-manager; no kubelet.

Both families, RBAC, two nodes without kubelets. Its addresses are those of a network that is nobody else's
(``benchmarks.cluster.networks``). The certificates are the API server's own.
"""

from __future__ import annotations

import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.cluster.api import API, JSON, RefusedError

ADDRESS = "10.200.0.1"
PORT = 6443
URL = f"https://{ADDRESS}:{PORT}"
TOKEN = "cluster-admin"
SERVICE_CIDRS = ("10.96.0.0/12", "fd00:10:96::/112")
POD_CIDRS = ("10.244.0.0/16", "fd00:10:244::/56")
NODES = {"node-1": "192.168.0.101", "node-2": "192.168.0.102"}
ZONES = {"node-1": "a", "node-2": "b"}
_ETCD = "http://127.0.0.1:2379"
_ETCD_PEERS = "http://127.0.0.1:2380"
_START_SECONDS = 240.0
_STOP_SECONDS = 5.0
"""Of kindness: kube-apiserver waits a minute for watches to end."""
_CONTROLLERS = (
    "endpointslice-controller,endpoints-controller,endpointslice-mirroring-controller,namespace-controller,"
    "garbage-collector-controller,serviceaccount-controller,replicaset-controller,deployment-controller,"
    "root-ca-certificate-publisher-controller"
)


class Program:
    """A process that can be ended and started again; its output is in one log."""

    def __init__(self, command: Sequence[str], log: Path, is_up: Callable[[], bool]) -> None:
        self._command, self._is_up = list(command), is_up
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; ValueError while it does not run."""
        if self.process is None:
            raise ValueError(f"{self._command[0]} does not run")
        return self.process.pid

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        return self.process

    def start(self) -> None:
        """Return once it is up; OSError with what it has said if that does not come."""
        process = self.spawn()
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"{self._command[0]} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """End it, and return when it has ended."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class ControlPlane:
    """``etcd`` and ``apiserver`` may be stopped and started; ``kubeconfig`` is the administrator's."""

    def __init__(self, folder: Path, programs: Mapping[str, str]) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._certificates = folder / "certificates"
        self._certificates.mkdir()
        (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        _write_key(folder / "sa.key")
        self._programs = programs
        self.etcd = Program(self._etcd_command(), folder / "etcd.log", lambda: _answers(f"{_ETCD}/health"))
        self.apiserver = Program(self._apiserver_command(), folder / "apiserver.log", self._is_ready)
        self.controllers = Program(self._controllers_command(), folder / "controllers.log", lambda: True)

    @property
    def authority(self) -> Path:
        """The file with the certificates that sign the API server's."""
        return self._certificates / "apiserver.crt"

    def api(self, token: str = TOKEN) -> API:
        """Return a client that has ``token``."""
        return API(URL, token, ssl.create_default_context(cafile=self.authority))

    def start(self, *, has_controllers: bool) -> None:
        """Return once the API server is ready, and the nodes are there."""
        self.etcd.start()
        self.apiserver.start()
        self.write_kubeconfig(self.kubeconfig, TOKEN)
        api = self.api()
        for name in NODES:
            _put_node(api, name)
        if has_controllers:
            self.controllers.start()

    def stop(self) -> None:
        """End everything."""
        for each in (self.controllers, self.apiserver, self.etcd):
            each.stop()

    def write_kubeconfig(self, file: Path, token: str) -> Path:
        """Write a kubeconfig with a token, and return its path."""
        file.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: real\n"
            f"clusters: [{{name: real, cluster: {{server: {URL}, certificate-authority: {self.authority}}}}}]\n"
            f"users: [{{name: user, user: {{token: {token}}}}}]\n"
            "contexts: [{name: real, context: {cluster: real, user: user}}]\n"
        )
        return file

    def _is_ready(self) -> bool:
        try:
            return bool(self.api().send("GET", "/readyz") == "ok")
        except (OSError, RefusedError):
            return False

    def _etcd_command(self) -> list[str]:
        places = {
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": _ETCD,
            "advertise-client-urls": _ETCD,
            "listen-peer-urls": _ETCD_PEERS,
            "initial-advertise-peer-urls": _ETCD_PEERS,
            "initial-cluster": f"default={_ETCD_PEERS}",
            "log-level": "warn",
        }
        return [self._programs["etcd"], "--unsafe-no-fsync", *(f"--{name}={value}" for name, value in places.items())]

    def _apiserver_command(self) -> list[str]:
        key = str(self.folder / "sa.key")
        options = {
            "etcd-servers": _ETCD,
            "bind-address": "0.0.0.0",
            "advertise-address": ADDRESS,
            "secure-port": str(PORT),
            "cert-dir": str(self._certificates),
            "token-auth-file": str(self.folder / "tokens.csv"),
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": ",".join(SERVICE_CIDRS),
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "disable-admission-plugins": "ServiceAccount",  # pods may be made before their accounts are there
            "allow-privileged": "true",
            "endpoint-reconciler-type": "none",
        }
        return [self._programs["kube-apiserver"], *(f"--{name}={value}" for name, value in options.items())]

    def _controllers_command(self) -> list[str]:
        options = {
            "kubeconfig": str(self.kubeconfig),
            "leader-elect": "false",
            "bind-address": "127.0.0.1",
            "use-service-account-credentials": "false",
            "service-account-private-key-file": str(self.folder / "sa.key"),
            "root-ca-file": str(self.authority),
            "controllers": _CONTROLLERS,
        }
        program = self._programs.get("kube-controller-manager", "")
        return [program, *(f"--{name}={value}" for name, value in options.items())]


def _put_node(api: API, name: str) -> None:
    number = int(name[-1])
    cidrs = [f"10.244.{number}.0/24", f"fd00:10:244:{number}::/64"]
    labels = {"topology.kubernetes.io/zone": ZONES[name], "kubernetes.io/hostname": name}
    spec = {"podCIDR": cidrs[0], "podCIDRs": cidrs}
    node: JSON = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": spec}
    api.create(node)
    addresses = [{"type": "InternalIP", "address": NODES[name]}, {"type": "Hostname", "address": name}]
    conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
    room = {"cpu": "64", "memory": "100Gi", "pods": "1000"}
    status = {"addresses": addresses, "conditions": conditions, "capacity": room, "allocatable": room}
    api.patch(f"/api/v1/nodes/{name}/status", {"status": status})


def _write_key(file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    file.chmod(0o600)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def control_plane(folder: Path, programs: Mapping[str, str], *, has_controllers: bool = True) -> Iterator[ControlPlane]:
    """Run a control plane for the length of the block."""
    with ExitStack() as stack:
        plane = ControlPlane(folder, programs)
        stack.callback(plane.stop)
        plane.start(has_controllers=has_controllers)
        yield plane

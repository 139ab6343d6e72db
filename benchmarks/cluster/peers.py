"""What stands beside each other on one API server: both proxies, both name servers, each with the same configuration.

kubesvc's are the commands as a user types them. A proxy is ready when its /healthz says so, a name server when its
/ready does.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import AF_INET
from typing import NamedTuple

from benchmarks.cluster.controlplane import POD_CIDRS, ControlPlane, Program
from benchmarks.cluster.networks import NODE, NodeNetwork
from kubehost.addresses import Address

KUBESVC, KUBE_PROXY, COREDNS = "kubesvc", "kube-proxy", "CoreDNS"
HEALTHZ_PORT, METRICS_PORT = 10256, 10249
_DNS_PORTS = {KUBESVC: 1053, COREDNS: 2053}
_READY_PORTS = {KUBESVC: 18181, COREDNS: 28181}


class ProxyOnNode(NamedTuple):
    """A proxy that serves in a network."""

    name: str
    program: Program
    network: NodeNetwork

    @property
    def pid(self) -> int:
        """Its process."""
        return self.program.pid


class NameServer(NamedTuple):
    """A name server that answers at an address."""

    name: str
    program: Program
    address: Address

    @property
    def pid(self) -> int:
        """Its process."""
        return self.program.pid


def proxy_configuration(kubeconfig: Path) -> str:
    """Return the KubeProxyConfiguration that both have."""
    return (
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n"
        f"clientConnection: {{kubeconfig: {kubeconfig}}}\nhostnameOverride: {NODE}\n"
        f"clusterCIDR: {','.join(POD_CIDRS)}\nhealthzBindAddress: 0.0.0.0:{HEALTHZ_PORT}\n"
        f"metricsBindAddress: 127.0.0.1:{METRICS_PORT}\nnodePortAddresses: [primary]\n"
        "conntrack: {maxPerCore: 0, min: 0}\n"
    )


def proxy_program(
    name: str, network: NodeNetwork, plane: ControlPlane, programs: Mapping[str, str], folder: Path
) -> Program:
    """Return a proxy that does not run yet."""
    configuration = folder / "kube-proxy.yaml"
    configuration.write_text(proxy_configuration(plane.kubeconfig))
    if name == KUBESVC:
        kubesvc = (sys.executable, "-m", "kubesvc", "proxy", "--kubeconfig", str(plane.kubeconfig))
        words: tuple[str, ...] = (*kubesvc, "--config", str(configuration), "--mode", "userspace", "--setup")
    else:
        words = (programs["kube-proxy"], f"--config={configuration}")
    return Program(network.command(*words), folder / f"{name}.log", lambda: _is_healthy(network))


def _is_healthy(network: NodeNetwork) -> bool:
    with network.socket(AF_INET) as sock:
        sock.settimeout(2.0)
        try:
            sock.connect(("127.0.0.1", HEALTHZ_PORT))
            sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return b" 200 " in sock.recv(4096).split(b"\r\n")[0]
        except OSError:
            return False


@contextmanager
def proxy_on(
    name: str, network: NodeNetwork, plane: ControlPlane, programs: Mapping[str, str], folder: Path
) -> Iterator[ProxyOnNode]:
    """Run a proxy for the length of the block."""
    program = proxy_program(name, network, plane, programs, folder)
    with _running(program):
        yield ProxyOnNode(name, program, network)


def corefile(name: str, kubeconfig: Path, *, cache: str = "") -> str:
    """Return the Corefile that both name servers have, but for their ports."""
    return f"""\
.:{_DNS_PORTS[name]} {{
    bind 127.0.0.1
    errors
    ready 127.0.0.1:{_READY_PORTS[name]}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig} real
        pods insecure
        ttl 5
    }}
    {cache}
    loadbalance
}}
"""


def name_server_program(
    name: str, plane: ControlPlane, programs: Mapping[str, str], folder: Path, *, cache: str = ""
) -> tuple[Program, Address]:
    """Return a name server that does not run yet, and where it will answer."""
    file = folder / f"Corefile.{name}"
    file.write_text(corefile(name, plane.kubeconfig, cache=cache))
    if name == KUBESVC:
        words = [sys.executable, "-m", "kubesvc", "dns", "--config", str(file)]
    else:
        words = [programs["coredns"], "-conf", str(file)]
    is_ready = _asks(f"http://127.0.0.1:{_READY_PORTS[name]}/ready")
    return Program(words, folder / f"{name}-dns.log", is_ready), ("127.0.0.1", _DNS_PORTS[name])


@contextmanager
def name_server(
    name: str, plane: ControlPlane, programs: Mapping[str, str], folder: Path, *, cache: str = ""
) -> Iterator[NameServer]:
    """Run a name server for the length of the block."""
    program, address = name_server_program(name, plane, programs, folder, cache=cache)
    with _running(program):
        yield NameServer(name, program, address)


def _asks(url: str) -> Callable[[], bool]:
    def is_ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return is_ready


@contextmanager
def _running(program: Program) -> Iterator[None]:
    try:
        program.start()
        yield
    finally:
        program.stop()

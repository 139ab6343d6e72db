"""What stands beside each other on one API server: both proxies, both name servers, each with the same configuration.

kubesvc's are the commands as a user types them. A proxy is ready when its /healthz says so, a name server when its
/ready does.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM
from socket import socket as Socket  # noqa: N812  # as in networks
from typing import NamedTuple

from benchmarks.cluster.controlplane import POD_CIDRS, ControlPlane, Program
from benchmarks.cluster.networks import NODE, NodeNetwork
from kubehost.addresses import Address

KUBESVC, KUBE_PROXY, COREDNS, KUBECTL = "kubesvc", "kube-proxy", "CoreDNS", "kubectl"
KUBESVC_NFTABLES = "kubesvc nftables"
HEALTHZ_PORT, METRICS_PORT = 10256, 10249
_DNS_PORTS = {KUBESVC: 1053, COREDNS: 2053}
_QUERY = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\7cluster\5local\0\0\6\0\1"
"""The SOA record of cluster.local, which no upstream is asked for."""
_READY_PORTS = {KUBESVC: 18181, COREDNS: 28181}


@dataclass(frozen=True)
class Beside:
    """What all peers have in common: the control plane, their programs, and a folder for configuration and logs."""

    plane: ControlPlane
    programs: Mapping[str, str]
    folder: Path
    sync_seconds: float = 1.0
    """kube-proxy's pause between two syncs; 1 s is its own."""
    cache: str = ""
    """The line of the Corefile for its cache."""
    proxy_kubeconfig: Path | None = None
    """That of kubesvc's proxy, if it is not to be the administrator."""
    dns_kubeconfig: Path | None = None
    """That of kubesvc's name server."""

    def kubeconfig(self, name: str, own: Path | None) -> Path:
        """Return the kubeconfig of a peer: ``own`` is kubesvc's."""
        return own if name == KUBESVC and own is not None else self.plane.kubeconfig


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


def proxy_configuration(beside: Beside) -> str:
    """Return the KubeProxyConfiguration that both have."""
    return (
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n"
        f"clientConnection: {{kubeconfig: {beside.plane.kubeconfig}}}\nhostnameOverride: {NODE}\n"
        f"clusterCIDR: {','.join(POD_CIDRS)}\nhealthzBindAddress: 0.0.0.0:{HEALTHZ_PORT}\n"
        f"metricsBindAddress: 127.0.0.1:{METRICS_PORT}\nnodePortAddresses: [primary]\n"
        f"conntrack: {{maxPerCore: 0, min: 0}}\nnftables: {{minSyncPeriod: {beside.sync_seconds:g}s}}\n"
    )


def proxy_program(name: str, network: NodeNetwork, beside: Beside) -> Program:
    """Return a proxy that does not run yet."""
    configuration = beside.folder / f"{name.replace(' ', '-')}.yaml"  # kube-proxy ends when its file is written
    configuration.write_text(proxy_configuration(beside))
    if name == KUBE_PROXY:
        words = [beside.programs["kube-proxy"], f"--config={configuration}"]
    else:
        kubeconfig = beside.kubeconfig(KUBESVC, beside.proxy_kubeconfig)
        mode = ("nftables",) if name == KUBESVC_NFTABLES else ("userspace", "--setup")
        words = [sys.executable, "-m", "kubesvc", "proxy", "--kubeconfig", str(kubeconfig)]
        words += ["--config", str(configuration), "--mode", *mode]
    return Program(
        network.command(*words), beside.folder / f"{name.replace(' ', '-')}.log", lambda: _is_healthy(network)
    )


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
def proxy_on(name: str, network: NodeNetwork, beside: Beside) -> Iterator[ProxyOnNode]:
    """Run a proxy for the length of the block."""
    program = proxy_program(name, network, beside)
    with _running(program):
        yield ProxyOnNode(name, program, network)


def corefile(name: str, beside: Beside) -> str:
    """Return the Corefile that both name servers have, but for their ports."""
    kubeconfig = beside.kubeconfig(name, beside.dns_kubeconfig)
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
    {beside.cache}
    loadbalance
}}
"""


def name_server_program(name: str, beside: Beside) -> tuple[Program, Address]:
    """Return a name server that does not run yet, and where it will answer."""
    file = beside.folder / f"Corefile.{name}"
    file.write_text(corefile(name, beside))
    if name == KUBESVC:
        words = [sys.executable, "-m", "kubesvc", "dns", "--config", str(file)]
    else:
        words = [beside.programs["coredns"], "-conf", str(file)]
    address = ("127.0.0.1", _DNS_PORTS[name])
    is_ready = partial(is_answering, address, _READY_PORTS[name])
    return Program(words, beside.folder / f"{name}-dns.log", is_ready), address


@contextmanager
def name_server(name: str, beside: Beside) -> Iterator[NameServer]:
    """Run a name server for the length of the block."""
    program, address = name_server_program(name, beside)
    with _running(program):
        yield NameServer(name, program, address)


def is_answering(address: Address, ready_port: int) -> bool:
    """Tell whether a name server says at /ready that it is, and answers: CoreDNS says so before it listens."""
    try:
        with (
            urllib.request.urlopen(f"http://127.0.0.1:{ready_port}/ready", timeout=2) as answer,
            Socket(AF_INET, SOCK_DGRAM) as sock,
        ):
            sock.settimeout(2.0)
            sock.connect(address)
            sock.send(_QUERY)
            return bool(answer.status == 200 and sock.recv(1500))
    except OSError:
        return False


@contextmanager
def _running(program: Program) -> Iterator[None]:
    try:
        program.start()
        yield
    finally:
        program.stop()

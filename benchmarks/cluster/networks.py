"""Networks of nodes beside the control plane's: each proxy has one of its own, in which it is alone on ``node-1``.

The caller's network (a new one: ``enter``) is where the control plane is, and where clients from outside come from. All
pods' addresses are in the node's network, so that one process can serve all of them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from socket import AF_INET, AF_INET6, SO_BINDTODEVICE, SOCK_STREAM, SOL_SOCKET
from socket import socket as Socket  # noqa: N812  # a method has its name

from benchmarks.cluster.controlplane import ADDRESS, NODES, POD_CIDRS, SERVICE_CIDRS
from kubehost.io.namespaces import NEWNET, setns, unshare

EXTERNAL_CIDR = "203.0.113.0/24"
"""Of spec.externalIPs."""
LOAD_BALANCER_CIDR = "198.51.100.0/24"
NODE = "node-1"


def enter() -> None:
    """Leave the machine's network for a new one, for good, as the control plane's; OSError unless root's."""
    unshare(NEWNET)
    prepare()


def prepare() -> None:
    """Have the control plane's address in this network."""
    _ip("link set lo up")
    _ip(f"address add {ADDRESS}/32 dev lo")


class NodeNetwork:
    """The network of one ``node-1``; ``number`` (1 to 99) tells it from others."""

    def __init__(self, number: int) -> None:
        self._device, self._near, self._far = f"node{number}", f"10.200.{number}.1", f"10.200.{number}.2"
        self._metric = number
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", "ip link set lo up; echo; exec sleep infinity"],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        self._namespace = os.open(f"/proc/{self._holder.pid}/ns/net", os.O_RDONLY)
        self._link(number)

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs a program in this network, in the same process."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--", *words]

    def run(self, *words: str) -> str:
        """Run a program in this network and return what it prints."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=True).stdout

    def socket(self, family: int = AF_INET, kind: int = SOCK_STREAM) -> Socket:
        """Return a new socket of this network."""
        with self._entered():
            return Socket(family, kind)

    def outside_socket(self, family: int = AF_INET, kind: int = SOCK_STREAM) -> Socket:
        """Return a new socket of the caller's network, whose packets come to this node from outside."""
        sock = Socket(family, kind)
        sock.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, self._device.encode())
        return sock

    def close(self) -> None:
        """End the network with all that is in it."""
        os.close(self._namespace)
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            setns(self._namespace, NEWNET)
            yield
        finally:
            setns(own, NEWNET)
            os.close(own)

    def _link(self, number: int) -> None:
        near, far = f"fd00:200:{number}::1", f"fd00:200:{number}::2"
        _ip(f"link add {self._device} type veth peer name eth0 netns {self._holder.pid}")
        _ip(f"address add {self._near}/24 dev {self._device}")
        _ip(f"address add {near}/64 dev {self._device} nodad")
        _ip(f"link set {self._device} up")
        for words in (
            f"address add {self._far}/24 dev eth0",
            f"address add {far}/64 dev eth0 nodad",
            f"address add {NODES[NODE]}/32 dev eth0",
            "link set eth0 up",
            f"route add default via {self._near}",
            f"-6 route add default via {near}",
            f"route add local {POD_CIDRS[0]} dev lo",
            f"-6 route add local {POD_CIDRS[1]} dev lo",
        ):
            self.run("ip", *words.split())
        # A node forwards: kube-proxy rejects there what comes from outside to an address that is nobody's. It tells
        # so to one client more often than once a second.
        settings = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0")
        self.run("sysctl", "-qw", *settings)
        for cidr in (f"{NODES[NODE]}/32", EXTERNAL_CIDR, LOAD_BALANCER_CIDR, SERVICE_CIDRS[0]):
            _ip(f"route add {cidr} via {self._far} dev {self._device} metric {self._metric}")
        _ip(f"-6 route add {SERVICE_CIDRS[1]} via {far} dev {self._device} metric {self._metric}")


@contextmanager
def node_networks(count: int) -> Iterator[Sequence[NodeNetwork]]:
    """Have so many networks for the length of the block."""
    made: list[NodeNetwork] = []
    try:
        made.extend(NodeNetwork(number) for number in range(1, count + 1))
        yield made
    finally:
        for each in made:
            each.close()


def family_of(address: str) -> int:
    """Return the address family of an address."""
    return AF_INET6 if ":" in address else AF_INET


def _ip(words: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
    subprocess.run(["ip", *words.split()], check=True, env=environment)

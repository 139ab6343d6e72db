"""A cluster's network with pods, for tests of rules in the kernel: sockets of any place, held by the test itself.

The namespaces belong to another process, so the test's own stay as they are. An ordinary user has a user namespace
around them, as has root if the test asks for it: then the kernel grants less.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET, AF_INET6, AF_UNIX, SOCK_SEQPACKET, SOCK_STREAM, recv_fds, socketpair
from socket import socket as Socket  # noqa: N812  # a method has its name
from typing import Any

from kubehost.addresses import Address
from kubeproxy.nft.io import netfilter

ROOT = Path(__file__).resolve().parents[3]
NODES = {"127": "127.168.0.10", "10": "192.168.0.10"}
"""The nodes' addresses without their last digit."""


class PodNetwork:
    """The nodes node-1 and node-2; ``plan`` is "127", or "10" for addresses as a real cluster has them."""

    def __init__(self, channel: Socket, plan: str) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self.plan = plan
        self.gateways = (f"{plan}.244.1.1", f"{plan}.244.2.1")
        self.nodes = tuple(f"{NODES[plan]}{number}" for number in (1, 2))

    def add_pod(self, address: str, address_v6: str = "") -> str:
        """Make a pod's network, and return its address."""
        node = int(address.split(".")[2])
        addresses, gateways = [address], [self.gateways[node - 1]]
        if address_v6:
            addresses.append(address_v6)
            gateways.append(f"fd00:10:244:{node}::1")
        sandbox = {"uid": address, "addresses": addresses, "gateways": gateways, "hostname": "pod"}
        self._ask({"op": "pod", "sandbox": sandbox})
        return address

    def socket(self, place: str = "", family: int = AF_INET, kind: int = SOCK_STREAM, protocol: int = 0) -> Socket:
        """Return a new socket of a pod's network, or of the cluster's for ""; it blocks for some seconds."""
        made = self._ask({"op": "socket", "place": place, "socket": [family, kind, protocol]})
        assert made is not None
        made.settimeout(5)
        return made

    def netfilter(self) -> Socket:
        """Return a socket to netfilter in the cluster's network."""
        sock = self.socket("", netfilter.FAMILY, netfilter.KIND, netfilter.PROTOCOL)
        sock.setblocking(False)
        return sock

    def listen(self, place: str, address: Address, kind: int = SOCK_STREAM) -> Socket:
        """Return a bound socket that listens."""
        sock = self.socket(place, AF_INET6 if ":" in address[0] else AF_INET, kind)
        sock.bind(address)
        if kind == SOCK_STREAM:
            sock.listen(4096)
        return sock

    def set(self, name: str, value: str) -> None:
        """Set a kernel parameter of the cluster's network, by its path below /proc/sys."""
        self._ask({"op": "setting", "name": name, "value": value})

    def _ask(self, request: dict[str, Any]) -> Socket | None:
        with self._turn:  # threads may ask
            self._channel.send(json.dumps(request).encode())
            content, descriptors, _, _ = recv_fds(self._channel, 65536, 1)
        answer = json.loads(content)
        if "errno" in answer:
            raise OSError(answer["errno"], answer["text"])
        return Socket(fileno=descriptors[0]) if descriptors else None


@contextlib.contextmanager
def pod_network(plan: str = "127", *, has_user_namespace: bool = True) -> Iterator[PodNetwork]:
    """Have a cluster's network as long as the context lasts."""
    ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.kubeproxy.podnetwork_process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
        )
        theirs.close()
        try:
            found = PodNetwork(ours, plan)
            nodes = [
                (
                    f"node-{number}",
                    [found.nodes[number - 1]],
                    [found.gateways[number - 1], f"fd00:10:244:{number}::1"],
                    [f"{plan}.244.{number}.0/24", f"fd00:10:244:{number}::/64"],
                )
                for number in (1, 2)
            ]
            network = {
                "nodes": nodes,
                "pod_cidrs": [f"{plan}.244.0.0/16", "fd00:10:244::/56"],
                "service_cidrs": [f"{plan}.96.0.0/12", "fd00:10:96::/112"],
                "load_balancer_cidrs": ["127.0.113.0/24" if plan == "127" else "203.0.113.0/24"],
                "is_loopback_plan": plan == "127",
            }
            ours.send(json.dumps({"has_user_namespace": has_user_namespace, "network": network}).encode())
            assert ours.recv(65536) == b"{}", "the network could not be made"
            yield found
        finally:
            ours.close()
            process.wait()


def is_root() -> bool:
    """Tell whether namespaces need no user namespace around them."""
    return os.geteuid() == 0

"""A program that holds the network of a cluster and those of its pods, and makes sockets there for the tests.

It is the agent without its containers: ``kubelet.sandbox.io`` makes the networks and serves the channel. It gets the
descriptors of its first channel and of a pair on which it answers ``done`` for each line: ``pod ADDRESS`` makes a pod's
sandbox, ``end ADDRESS`` removes it.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path

from kubehost.io.namespaces import NEWIPC, NEWNET, NEWNS, NEWPID, NEWUSER, NEWUTS, unshare
from kubelet.sandbox.io.sandboxes import Sandboxes
from kubelet.sandbox.io.sockets import SocketService
from kubelet.sandbox.spec import ClusterNetwork, NodeNetwork, SandboxSpec

NODE, GATEWAY, BALANCER = "127.168.0.1", "127.244.0.1", "127.0.113.10"
POD_CIDR, SERVICES, BALANCERS = "127.244.0.0/24", "127.96.0.0/12", "127.0.113.0/24"
NODE_6, GATEWAY_6, POD_CIDR_6, SERVICES_6 = "fd00:168::1", "fd00:244::1", "fd00:244::/64", "fd00:96::/108"
NETWORK = ClusterNetwork(
    nodes=(NodeNetwork("n1", (NODE, NODE_6), (GATEWAY, GATEWAY_6), (POD_CIDR, POD_CIDR_6)),),
    pod_cidrs=(POD_CIDR, POD_CIDR_6),
    service_cidrs=(SERVICES, SERVICES_6),
    load_balancer_cidrs=(BALANCERS,),
)


def twin_of(address: str) -> str:
    """Return a pod's IPv6 address: it has the same host number."""
    return f"fd00:244::{int(address.rpartition('.')[2]):x}"


def enter_namespaces() -> None:
    """Leave the machine's networks, as root or with a user namespace in which this user is root."""
    flags = NEWNET | NEWUTS | NEWIPC | NEWNS | NEWPID
    user, group = os.geteuid(), os.getegid()
    unshare(flags if user == 0 else flags | NEWUSER)
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)


class Agent:
    """Obeys and serves until the tests close their end."""

    def __init__(self, channel: socket.socket, orders: socket.socket) -> None:
        self._orders = orders
        self._sandboxes = Sandboxes(NETWORK)
        self._sandboxes.open()
        self._poll = select.poll()
        self._service = SocketService(self._poll, self._sandboxes.networks)
        self._service.add(channel)
        self._poll.register(orders, select.POLLIN)

    def serve(self) -> None:
        """Run."""
        self._orders.sendall(b"done")
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._service:
                    self._service.serve(descriptor)
                elif line := self._orders.recv(256).decode():
                    self._obey(*line.split())
                    self._orders.sendall(b"done")
                else:
                    return

    def _obey(self, verb: str, address: str) -> None:
        if verb == "pod":
            spec = SandboxSpec(address, (address, twin_of(address)), (GATEWAY, GATEWAY_6), "pod")
            self._sandboxes.make(spec)
            return
        for each in self._sandboxes.remove(address):
            self._service.end(each)


if __name__ == "__main__":
    enter_namespaces()
    Agent(*(socket.socket(fileno=int(each)) for each in sys.argv[1:])).serve()

"""A program that holds the network of a cluster and those of its pods, and makes sockets there for the tests.

It is the agent without its containers: ``kubelet.sandbox.io`` makes the networks and serves the channel. ``pod
ADDRESS`` makes a pod's sandbox, ``end ADDRESS`` removes it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.helpers.kubelet.obeying import ObeyingAgent

from kubehost.io.namespaces import NEWIPC, NEWNET, NEWNS, NEWPID, NEWUSER, NEWUTS, unshare
from kubelet.sandbox.io.sandboxes import Sandboxes
from kubelet.spec.sandbox import ClusterNetwork, NodeNetwork, SandboxSpec

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


class Agent(ObeyingAgent):
    """Has the sandboxes."""

    def __init__(self, descriptors: list[str]) -> None:
        self._sandboxes = Sandboxes(NETWORK)
        self._sandboxes.open()
        super().__init__(self._sandboxes.networks, descriptors)

    def obey(self, *words: str) -> None:
        """Make or remove a sandbox."""
        verb, address = words
        if verb == "pod":
            spec = SandboxSpec(address, (address, twin_of(address)), (GATEWAY, GATEWAY_6), "pod")
            self._sandboxes.make(spec)
            return
        for each in self._sandboxes.remove(address):
            self.service.end(each)


if __name__ == "__main__":
    enter_namespaces()
    Agent(sys.argv[1:]).serve()

"""Services in the kernel of a ``PodNetwork``: objects become rules, and clients are told which pod has answered."""

from __future__ import annotations

import select
from collections.abc import Iterable
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM
from socket import socket as Socket  # noqa: N812  # a class, as in podnetwork
from typing import Any, NamedTuple

from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.kubeproxy.podnetwork import PodNetwork
from tests.helpers.objects import build_node

from kubeapi.meta import JSON, ObjectKey
from kubehost.addresses import Address
from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.io.ruleset import Refused, Ruleset
from kubeproxy.nft.serviceport import service_part
from kubeproxy.proxier import Proxier
from kubeproxy.types import ServicePortName

SERVER_PORT = 8080


class Answer(NamedTuple):
    """The pod that has answered, and the client's address as it saw it."""

    pod: str
    client: str


class Servers:
    """A TCP and a UDP server in each pod, which say nothing but their own address."""

    def __init__(self, network: PodNetwork, pods: Iterable[str]) -> None:
        self._network = network
        self._tcp: dict[Socket, str] = {}
        self._udp: dict[Socket, str] = {}
        for pod in pods:
            self.add(pod, pod)

    def add(self, pod: str, address: str) -> None:
        """Have servers in one more pod, at an address of it."""
        self._tcp[self._network.listen(pod, (address, SERVER_PORT))] = address
        self._udp[self._network.listen(pod, (address, SERVER_PORT), SOCK_DGRAM)] = address

    def connect(self, place: str, to: Address, source: str = "") -> tuple[Socket, Socket, Answer]:
        """Connect from a place; return both ends, and which pod it is."""
        client = self._client(place, to, SOCK_STREAM, source)
        server = self._ready(self._tcp)
        accepted, peer = server.accept()
        accepted.settimeout(5)
        return client, accepted, Answer(self._tcp[server], peer[0])

    def ask(self, place: str, to: Address, source: str = "") -> Answer:
        """Connect from a place, and end that in order."""
        client, accepted, answer = self.connect(place, to, source)
        client.close()
        accepted.close()
        return answer

    def exchange(self, place: str, to: Address) -> Answer:
        """Send a datagram from a place, and get it back."""
        with self._client(place, to, SOCK_DGRAM, "") as client:
            return self.exchange_by(client)

    def exchange_by(self, client: Socket) -> Answer:
        """Send one more datagram by a connected socket, and get it back."""
        client.send(b"?")
        server = self._ready(self._udp)
        content, peer = server.recvfrom(16)
        server.sendto(content, peer)
        assert client.recv(16) == b"?"
        return Answer(self._udp[server], peer[0])

    def close(self) -> None:
        """Close all servers."""
        for each in (*self._tcp, *self._udp):
            each.close()

    def _client(self, place: str, to: Address, kind: int, source: str) -> Socket:
        client = self._network.socket(place, AF_INET6 if ":" in to[0] else AF_INET, kind)
        try:
            if source:
                client.bind((source, 0))
            client.connect(to)
        except OSError:
            client.close()
            raise
        return client

    def _ready(self, servers: dict[Socket, str]) -> Socket:
        ready, _, _ = select.select(list(servers), [], [], 5)
        assert ready, "no pod has got it"
        found: Socket = ready[0]
        return found


class KernelRules:
    """The tables of a network, as they follow objects."""

    def __init__(self, network: PodNetwork) -> None:
        self.proxier = Proxier()
        for number, address in enumerate(network.nodes, 1):
            cidrs = [f"{network.plan}.244.{number}.0/24", f"fd00:10:244:{number}::/64"]
            node = build_node(f"node-{number}", address, podCIDR=cidrs[0], podCIDRs=cidrs)
            self.proxier.nodes.update(ObjectKey("", f"node-{number}"), node)
        self.proxier.sync()
        self.sock = NetfilterSocket(network.netfilter())
        self.ruleset = Ruleset(self.sock, self.proxier.rules.nodes)

    def serve(self, name: str, address: str, pods: Iterable[str | JSON], **spec: Any) -> Refused:
        """Have a Service with these endpoints."""
        self.add(name, address, pods, **spec)
        return self.sync()

    def add(self, name: str, address: str, pods: Iterable[str | JSON], **spec: Any) -> None:
        """Note a Service with these endpoints for the next ``sync``."""
        spec.setdefault("ports", [{"port": 80}])
        ipv6: dict[str, Any] = {"addressType": "IPv6"} if ":" in address else {}
        families = {"ipFamilies": ["IPv6"]} if ipv6 else {}
        self.proxier.services.update(ObjectKey("default", name), service(name, address, **{**families, **spec}))
        ports = [
            {"name": each.get("name", ""), "protocol": each.get("protocol", "TCP"), "port": SERVER_PORT}
            for each in spec["ports"]
        ]
        endpoints = [each if isinstance(each, dict) else endpoint(each) for each in pods]
        key = ObjectKey("default", f"{name}-abcde")
        self.proxier.endpoints.update(key, slice_of(name, endpoints, **ipv6, ports=ports))

    def remove(self, name: str) -> Refused:
        """Have a Service no longer."""
        self.proxier.services.update(ObjectKey("default", name), None)
        return self.sync()

    def sync(self) -> Refused:
        """Have the kernel follow."""
        sync = self.proxier.sync()
        names: tuple[ServicePortName, ...] = sync.ports
        return self.ruleset.apply({each: service_part(sync.rules, each) for each in names})

    def close(self) -> None:
        """Have no tables any more."""
        self.ruleset.close(stop=True)


def endpoint(pod: str, **conditions: bool) -> JSON:
    """An endpoint that is ready, on the node of its address."""
    groups = pod.split(":") if ":" in pod else pod.split(".")
    number = groups[3] if ":" in pod else groups[2]
    return {"addresses": [pod], "conditions": {"ready": True, **conditions}, "nodeName": f"node-{number}"}

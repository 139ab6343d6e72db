"""Pods with networks of their own for kubeproxy's tests: no processes, but sockets of this process that are there.

IP plan: node 127.168.0.1, pods 127.244.0.2 and up, Services 127.96.0.0/12; their twins in fd00::/8.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network

from tests.helpers.kubelet.obeying import AgentProcess
from tests.helpers.kubeproxy import pods_process
from tests.helpers.kubeproxy.pods_process import (
    BALANCERS,
    GATEWAY,
    GATEWAY_6,
    NODE,
    NODE_6,
    POD_CIDR,
    POD_CIDR_6,
    SERVICES,
    SERVICES_6,
)

from kubehost.addresses import LOCALHOST, Address
from kubehost.io.binding import bind_socket
from kubehost.io.places import Place, whole_socket
from kubeproxy.userspace.sockets import SOCKETS
from kubesvc.network.sandbox import Ranges, SandboxNetwork

A, B, C = "127.244.0.2", "127.244.0.3", "127.244.0.4"
"""Pods."""
A_6, B_6 = (pods_process.twin_of(each) for each in (A, B))
"""The IPv6 addresses of pods."""


class Pods:
    """The networks of a cluster, as ``network`` for a proxy."""

    def __init__(self) -> None:
        ranges = Ranges(
            (ip_network(POD_CIDR), ip_network(POD_CIDR_6)),
            frozenset((NODE, GATEWAY, NODE_6, GATEWAY_6)),
            (ip_network(SERVICES), ip_network(SERVICES_6), ip_network(BALANCERS)),
        )
        self.network = SandboxNetwork(ranges)
        self._start()

    def _start(self) -> None:
        self._agent = AgentProcess(pods_process.__name__)
        self.network.attach(self._agent.channel)

    def add(self, *pods: str) -> None:
        """Make pods' networks."""
        for each in pods:
            self._agent.order("pod", each)

    def end(self, pod: str) -> None:
        """End a pod's network."""
        self._agent.order("end", pod)

    def lose(self, *pods: str) -> None:
        """Lose the agent, and get another one, in new networks, with these pods."""
        self.close_agent()
        self._start()
        self.add(*pods)

    def close_agent(self) -> None:
        """Kill the agent."""
        self._agent.end()

    def place(self, name: str) -> Place:
        """Return the host (127.0.0.1), the cluster's network (the node), or that of a pod, by an address of it."""
        if name == LOCALHOST:
            return self.network.places[0]
        found = self.network.places[1] if name == NODE else self.network.inside(name)
        assert found is not None
        return found

    def open(self, at: str, protocol: str = "TCP", *, is_ipv6: bool = False) -> socket.socket:
        """Return a non-blocking socket of a place."""
        return whole_socket(self.place(at).socket(*SOCKETS[protocol, is_ipv6]))

    async def connect(self, at: str, to: Address, source: str = "") -> socket.socket:
        """Connect from a place; the caller closes the socket."""
        sock = self.open(at, is_ipv6=":" in to[0])
        try:
            if source:
                sock.bind((source, 0))
            await asyncio.get_running_loop().sock_connect(sock, to)
        except BaseException:
            sock.close()
            raise
        return sock

    async def ask(self, at: str, to: Address, source: str = "") -> str:
        """Connect from a place, send a byte, and read until the end."""
        loop = asyncio.get_running_loop()
        with await self.connect(at, to, source) as sock:
            await loop.sock_sendall(sock, b"?")
            text = b""
            while chunk := await loop.sock_recv(sock, 65536):
                text += chunk
            return text.decode()

    @contextlib.contextmanager
    def datagrams(self, at: str, source: Address = ("", 0)) -> Iterator[socket.socket]:
        """Have a UDP socket in a place, bound to ``source`` if that has an address."""
        with self.open(at, "UDP") as sock:
            if source[0]:
                sock.bind(source)
            yield sock

    @contextlib.contextmanager
    def saying_peers(self, at: str, address: str, port: int) -> Iterator[None]:
        """Listen in a place, and say to each client its address as it is seen there."""
        with self.listening(at, address, port) as sock:
            task = asyncio.ensure_future(_say_peers(sock))
            try:
                yield
            finally:
                task.cancel()
                # At once, as the number of the socket may be another one's before the task has ended.
                asyncio.get_running_loop().remove_reader(sock)

    @contextlib.contextmanager
    def listening(self, at: str, address: str, port: int) -> Iterator[socket.socket]:
        """Listen in a place."""
        with self.open(at, is_ipv6=":" in address) as sock:
            bind_socket(sock, (address, port))
            sock.listen(128)
            yield sock


async def _say_peers(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        sock, peer = await loop.sock_accept(listener)
        with sock:
            await loop.sock_recv(sock, 1)
            await loop.sock_sendall(sock, peer[0].encode())


@contextlib.asynccontextmanager
async def pods(*addresses: str) -> AsyncIterator[Pods]:
    """Have pods with networks of their own."""
    running = Pods()
    try:
        running.add(*addresses)
        yield running
    finally:
        running.network.close()
        running.close_agent()

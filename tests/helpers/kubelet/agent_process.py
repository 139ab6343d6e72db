"""A stand-in for the agent: networks with nothing but loopback, and its socket service.

``RunningAgent`` is the tests' end of it.
Run as a program it is the agent: it gets the descriptors of its first channel and of a pair on which it obeys one line
at a time: ``add NETWORK``, ``alias NETWORK OTHER``, ``end NETWORK``, ``limit FILES``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from kubehost.io.namespaces import NEWNET, NEWUSER, setns, unshare
from kubehost.io.places import Channel

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
"""linux/sockios.h, linux/if.h."""


class Client(Protocol):
    """A user of the sockets."""

    def attach(self, channel: Channel) -> None:
        """Own a channel."""
        ...


class RunningAgent:
    """An agent process with its own networks; ``channel`` is a client's end, and its own unless ``attach`` gives it."""

    def __init__(self) -> None:
        self.channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders, orders = socket.socketpair()
        with channel, orders:
            passed = channel.fileno(), orders.fileno()
            self.process = subprocess.Popen([sys.executable, __file__, *map(str, passed)], pass_fds=passed)
        assert self._orders.recv(16) == b"done"
        self._is_given = False

    def attach(self, client: Client) -> None:
        """Give the channel to a client, which owns it from now on."""
        self._is_given = True
        client.attach(self.channel)

    def order(self, *words: object) -> None:
        """Have the agent obey; returns when it has."""
        self._orders.sendall(" ".join(map(str, words)).encode())
        assert self._orders.recv(16) == b"done"

    def files(self) -> int:
        """Return how many open files the agent has."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def close(self) -> None:
        """End the process."""
        self._orders.close()
        if not self._is_given:
            self.channel.close()
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_agent(*networks: str) -> Iterator[RunningAgent]:
    """Run an agent with these networks beside the cluster's."""
    agent = RunningAgent()
    try:
        for each in networks:
            agent.order("add", each)
        yield agent
    finally:
        agent.close()


class Agent:
    """The process's own side."""

    def __init__(self, channel: Channel, orders: socket.socket) -> None:
        from kubelet.sandbox.io.sockets import SocketService

        self._orders = orders
        self._poll = select.poll()
        self._networks: dict[str, int] = {}
        self._cluster = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._service = SocketService(self._poll, self._networks)
        self._service.add(channel)
        self._poll.register(orders, select.POLLIN)

    def serve(self) -> None:
        """Serve and obey until the tests close their end."""
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

    def _obey(self, verb: str, subject: str, other: str = "") -> None:
        match verb:
            case "add":
                enter_network(NEWNET)
                self._networks[subject] = os.open("/proc/self/ns/net", os.O_RDONLY)
                setns(self._cluster, NEWNET)
            case "alias":
                self._networks[subject] = os.dup(self._networks[other])
            case "end":
                os.close(self._networks.pop(subject))
                self._service.end(subject)
            case "limit":
                resource.setrlimit(resource.RLIMIT_NOFILE, (int(subject), int(subject)))


def enter_network(flags: int) -> None:
    """Leave the network for a new one."""
    unshare(flags)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def main() -> None:
    """Enter networks of its own and be the agent."""
    enter_network(NEWNET if os.geteuid() == 0 else NEWNET | NEWUSER)
    Agent(*(socket.socket(fileno=int(each)) for each in sys.argv[1:])).serve()


if __name__ == "__main__":
    main()

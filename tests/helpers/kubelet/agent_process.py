"""A stand-in for the agent: networks with nothing but loopback, and its socket service.

``RunningAgent`` is the tests' end of it. Run as a program it is the agent, which obeys ``add NETWORK``, ``alias NETWORK
OTHER``, ``end NETWORK`` and ``limit FILES``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.helpers.kubelet.obeying import AgentProcess, ObeyingAgent

from kubehost.io.namespaces import NEWNET, NEWUSER, setns, unshare
from kubehost.io.places import Channel

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
"""linux/sockios.h, linux/if.h."""
_MODULE = "tests.helpers.kubelet.agent_process"


class Client(Protocol):
    """A user of the sockets."""

    def attach(self, channel: Channel) -> None:
        """Own a channel."""
        ...


class RunningAgent(AgentProcess):
    """An agent process with its own networks; ``channel`` is a client's end, and its own unless ``attach`` gives it."""

    def __init__(self) -> None:
        super().__init__(_MODULE)
        self._is_given = False

    def attach(self, client: Client) -> None:
        """Give the channel to a client, which owns it from now on."""
        self._is_given = True
        client.attach(self.channel)

    def files(self) -> int:
        """Return how many open files the agent has."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def close(self) -> None:
        """End the process."""
        if not self._is_given:
            self.channel.close()
        self.end()


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


class Agent(ObeyingAgent):
    """The process's own side."""

    def __init__(self, descriptors: list[str]) -> None:
        self._networks: dict[str, int] = {}
        self._cluster = os.open("/proc/self/ns/net", os.O_RDONLY)
        super().__init__(self._networks, descriptors)

    def obey(self, *words: str) -> None:
        """Make, name or end a network, or bound the open files."""
        verb, subject, *others = words
        match verb:
            case "add":
                enter_network(NEWNET)
                self._networks[subject] = os.open("/proc/self/ns/net", os.O_RDONLY)
                setns(self._cluster, NEWNET)
            case "alias":
                self._networks[subject] = os.dup(self._networks[others[0]])
            case "end":
                os.close(self._networks.pop(subject))
                self.service.end(subject)
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
    Agent(sys.argv[1:]).serve()


if __name__ == "__main__":
    main()

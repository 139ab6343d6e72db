"""What stand-ins for the agent have in common: processes with the socket service that obey the tests line by line."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping

from kubelet.sandbox.io.sockets import SocketService


class ObeyingAgent(ABC):
    """The process's side: serves the channel, and answers ``done`` for each line, until the tests close their end."""

    def __init__(self, networks: Mapping[str, int], descriptors: list[str]) -> None:
        """Take the ``descriptors`` of the first channel and of the pair on which lines come."""
        channel, self._orders = (socket.socket(fileno=int(each)) for each in descriptors)
        self._poll = select.poll()
        self.service = SocketService(self._poll, networks)
        self.service.add(channel)
        self._poll.register(self._orders, select.POLLIN)

    def serve(self) -> None:
        """Serve and obey."""
        self._orders.sendall(b"done")
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self.service:
                    self.service.serve(descriptor)
                elif line := self._orders.recv(256).decode():
                    self.obey(*line.split())
                    self._orders.sendall(b"done")
                else:
                    return

    @abstractmethod
    def obey(self, *words: str) -> None:
        """Do what a line says."""


class AgentProcess:
    """The tests' side of a program that is such an agent; the owner of ``channel`` closes it."""

    def __init__(self, module: str) -> None:
        self.channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders, orders = socket.socketpair()
        with channel, orders:
            passed = channel.fileno(), orders.fileno()
            self.process = subprocess.Popen([sys.executable, "-m", module, *map(str, passed)], pass_fds=passed)
        assert self._orders.recv(16) == b"done"

    def order(self, *words: object) -> None:
        """Have the agent obey; returns when it has."""
        self._orders.sendall(" ".join(map(str, words)).encode())
        assert self._orders.recv(16) == b"done"

    def end(self) -> None:
        """End the process."""
        self._orders.close()
        self.process.kill()
        self.process.wait()

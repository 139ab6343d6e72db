"""One connection or datagram to an address of a Service, and what became of it."""

from __future__ import annotations

import errno
import json
from socket import SOCK_DGRAM, SOCK_STREAM
from typing import NamedTuple

from benchmarks.cluster.controlplane import NODES
from benchmarks.cluster.networks import NODE, NodeNetwork, family_of

REFUSED, SILENT = "refused", "silent"
PATIENCE = 5.0


class Outcome(NamedTuple):
    """``said`` is the pod's address, REFUSED, SILENT, or another error's name; ``peer`` the client that the pod saw."""

    said: str
    port: int = 0
    peer: str = ""


class Client:
    """A client on a node, or from outside of it."""

    def __init__(self, network: NodeNetwork, *, is_outside: bool = False) -> None:
        self._network, self._is_outside = network, is_outside

    def ask(self, address: str, port: int, protocol: str = "TCP", seconds: float = PATIENCE) -> Outcome:
        """Return what becomes of a new connection, or of a datagram from a new port."""
        kind = SOCK_DGRAM if protocol == "UDP" else SOCK_STREAM
        family = family_of(address)
        make = self._network.outside_socket if self._is_outside else self._network.socket
        with make(family, kind) as sock:
            sock.settimeout(seconds)
            if not self._is_outside and ":" not in address:
                sock.bind((NODES[NODE], 0))
            try:
                sock.connect((address, port))
                if kind == SOCK_DGRAM:
                    sock.send(b"?")
                said = sock.recv(4096)
            except TimeoutError:
                return Outcome(SILENT)
            except (ConnectionRefusedError, PermissionError):
                # EPERM is how a sender on the node itself hears that a rule rejects its datagram.
                return Outcome(REFUSED)
            except OSError as error:
                return Outcome(errno.errorcode.get(error.errno or 0, str(error)))
        if not said:
            return Outcome("closed")
        found = json.loads(said)
        return Outcome(found["at"], found["port"], found["peer"])

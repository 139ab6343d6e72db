"""Clients of Services as Kubernetes' end-to-end tests have them: a source address, and what comes back to it.

From a pod: the source is the pod's address. From a node, or a host-network pod: the node's. From outside: 127.0.0.1.
Every request is a connection of its own, every datagram a flow of its own unless the source port is fixed. As in
agnhost's ``connect``, REFUSED and TIMEOUT are outcomes.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Literal
from urllib.parse import quote

from tests.helpers.cluster.cli import eventually
from tests.helpers.patience import FACTOR, PATIENCE, SILENCE

CONNECTED, REFUSED, RESET, TIMEOUT = "CONNECTED", "REFUSED", "RESET", "TIMEOUT"
DATAGRAM_SECONDS = 1.0 * FACTOR
"""How long one datagram's answer may take: it may get lost, and is then asked for again."""
DATAGRAM_TRIES = 5
LARGEST = 65535

Protocol = Literal["http", "udp"]


@dataclass(frozen=True)
class Place:
    """Where a Service port answers."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Flow:
    """A UDP socket with one source port for all its datagrams, connected to one place; to be closed."""

    def __init__(self, source: str, place: Place, source_port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in place.address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((source, source_port))
        self._socket.connect((place.address, place.port))

    def __enter__(self) -> Flow:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, question: str = "hostname", seconds: float = DATAGRAM_SECONDS) -> str:
        """Return one answer; ConnectionRefusedError, TimeoutError. An answer to an earlier question counts too."""
        self._socket.settimeout(seconds)
        self._socket.send(question.encode())
        return self._socket.recv(LARGEST).decode()

    def hear(self, seconds: float = SILENCE) -> str:
        """Return one answer, REFUSED or TIMEOUT."""
        try:
            return self.ask(seconds=seconds)
        except ConnectionRefusedError:
            return REFUSED
        except TimeoutError:
            return TIMEOUT


@dataclass(frozen=True)
class Client:
    """Sends from one address."""

    source: str

    def get(self, place: Place, path: str = "/hostname", seconds: float = PATIENCE) -> str:
        """Return the body of an HTTP answer, on a connection of its own; OSError without one."""
        connection = HTTPConnection(place.address, place.port, seconds, (self.source, 0))
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def status(self, place: Place, path: str = "/") -> tuple[int, str]:
        """Return status and body of an HTTP answer."""
        connection = HTTPConnection(place.address, place.port, PATIENCE, (self.source, 0))
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ask(self, place: Place, question: str = "hostname") -> str:
        """Return the answer to a datagram from a port of its own; OSError without one."""
        for _ in range(DATAGRAM_TRIES - 1):
            with Flow(self.source, place) as flow:
                try:
                    return flow.ask(question)
                except TimeoutError:
                    continue
        with Flow(self.source, place) as flow:
            return flow.ask(question)

    def hostname(self, place: Place, protocol: Protocol = "http") -> str:
        """Return the name of the pod that answers."""
        return self.get(place) if protocol == "http" else self.ask(place)

    def echo(self, place: Place, message: str, protocol: Protocol = "http") -> str:
        """Return what comes back of a message."""
        if protocol == "http":
            return self.get(place, f"/echo?msg={quote(message)}")
        return self.ask(place, f"echo {message}")

    def knock(self, place: Place, protocol: Protocol = "http") -> str:
        """Return CONNECTED, REFUSED or TIMEOUT; the latter after a short while."""
        if protocol == "udp":
            with Flow(self.source, place) as flow:
                heard = flow.hear()
            return heard if heard in (REFUSED, TIMEOUT) else CONNECTED
        try:
            with socket.create_connection((place.address, place.port), SILENCE, (self.source, 0)):
                return CONNECTED
        except ConnectionRefusedError:
            return REFUSED
        except TimeoutError:
            return TIMEOUT

    def try_hostname(self, place: Place, protocol: Protocol = "http") -> str:
        """Return the name of the pod that answers, else REFUSED, TIMEOUT, or RESET by a pod that is being killed."""
        try:
            return self.hostname(place, protocol)
        except ConnectionRefusedError:
            return REFUSED
        except ConnectionError:
            return RESET
        except TimeoutError:
            return TIMEOUT

    def hostnames(self, place: Place, wanted: Collection[str], protocol: Protocol = "http") -> set[str]:
        """Return who has answered when everybody wanted has, or after the tries that the end-to-end tests allow.

        Each of n endpoints is missed in all tries once in e**(n + 30/n) times, which is why there are so many.
        """
        seen: set[str] = set()
        for _ in range(len(wanted) ** 2 + 30):
            seen.add(self.hostname(place, protocol))
            if seen >= set(wanted):
                break
        return seen


OUTSIDE = Client("127.0.0.1")
"""A shell on this machine: outside the cluster."""


def dial(pod: Place, place: Place, protocol: Protocol = "http", tries: int = 1) -> set[str]:
    """Have a netexec pod ask others for their names, and return what it has heard."""
    asked = f"request=hostname&protocol={protocol}&host={place.address}&port={place.port}&tries={tries}"
    said = json.loads(OUTSIDE.get(pod, f"/dial?{asked}"))
    assert "errors" not in said, said
    return set(said["responses"])


def reaches(client: Client, place: Place, wanted: Collection[str], protocol: Protocol = "http") -> bool:
    """Tell whether each of ``wanted`` answers, and nobody else, before long: changes take their time to arrive."""
    return eventually(lambda: _answering(client, place, wanted, protocol) == set(wanted))


def _answering(client: Client, place: Place, wanted: Collection[str], protocol: Protocol) -> set[str]:
    try:
        return client.hostnames(place, wanted, protocol)
    except (ConnectionError, TimeoutError):
        return set()


def is_down(client: Client, place: Place, protocol: Protocol = "http") -> bool:
    """Tell whether nobody answers before long."""
    return eventually(lambda: client.knock(place, protocol) != CONNECTED)


def becomes(question: Callable[[], str], wanted: str) -> bool:
    """Tell whether a question is answered so before long."""
    return eventually(lambda: question() == wanted)

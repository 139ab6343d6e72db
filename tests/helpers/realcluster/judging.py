"""Whether what a step wants holds, beside one proxy and one name server."""

from __future__ import annotations

import http.client
import itertools
import random
from collections.abc import Callable, Sequence
from socket import AF_INET, SOCK_DGRAM
from socket import socket as Socket  # noqa: N812  # a class, as in networks
from typing import Protocol

import dnslib
from benchmarks.cluster.clients import REFUSED, SILENT, Client, Outcome
from benchmarks.cluster.networks import NodeNetwork
from tests.helpers.cluster.cli import eventually
from tests.helpers.patience import PATIENCE, SILENCE
from tests.helpers.realcluster.rows import Probe, Row, Step, address_of

from kubehost.addresses import Address

ZONE = "svc.cluster.local"
UNSERVED = "unserved"
NAMES = {"nxdomain": "NXDOMAIN", "nodata": "NODATA"}
CHANGE_SECONDS = min(PATIENCE, 20.0)
MISSED = 1e-4
"""How likely it may be that one of the endpoints is not among the answers, though all are chosen alike."""


class Proxied:
    """One proxy: a node's network in which it serves, and clients on the node and outside."""

    def __init__(self, name: str, network: NodeNetwork) -> None:
        self.name = name
        self._clients = (Client(network), Client(network, is_outside=True))
        self._network = network

    def said(self, probe: Probe) -> str:
        """Return what a probe brings: endpoints in order, REFUSED, SILENT, or what else there is."""
        if probe.where == "health":
            return self._health(probe)
        wanted = {address_of(each) for each in probe.wanted.removeprefix("one of ").split()}
        return _observed(lambda: self._ask(probe), wanted)

    def miss(self, probe: Probe) -> str:
        """Return "" once what is wanted holds, else what it is instead."""
        if eventually(lambda: agrees(self.said(probe), probe), CHANGE_SECONDS):
            return ""
        return f"{self.name}: {probe.where}: {self.said(probe)}, not {probe.wanted}"

    def _ask(self, probe: Probe) -> Outcome:
        client = self._clients[probe.is_outside]
        seconds = SILENCE if probe.wanted in (SILENT, UNSERVED) else 2.0
        return client.ask(probe.address, probe.port, probe.protocol, seconds)

    def _health(self, probe: Probe) -> str:
        with self._network.socket() as sock:
            sock.settimeout(2.0)
            try:
                sock.connect((probe.address, probe.port))
                sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                answer = http.client.HTTPResponse(sock)
                answer.begin()
                return str(answer.status)
            except (OSError, http.client.HTTPException):
                return UNSERVED


def _observed(ask: Callable[[], Outcome], wanted: set[str]) -> str:
    """Return what comes of so many tries as will hardly miss an endpoint of ``wanted``; an odd answer ends it."""
    count = len(wanted)
    seen: set[str] = set()
    for tried in itertools.count(1):
        said = ask().said
        seen.add(said)
        if said not in wanted or (count * (1 - 1 / count) ** tried < MISSED if count > 1 else tried > 3):
            break
    return " ".join(sorted(seen))


def agrees(said: str, probe: Probe) -> bool:
    """Tell whether what was said is what is wanted."""
    wanted = probe.wanted
    if wanted == UNSERVED:
        return not said.startswith(("10.244.", "fd00:10:244:")) and said != "200"
    if wanted.startswith("one of "):
        return said in {address_of(each) for each in wanted.removeprefix("one of ").split()}
    if wanted in (REFUSED, SILENT) or probe.where == "health":
        return said == wanted
    return said == " ".join(sorted(address_of(each) for each in wanted.split()))


class Named:
    """One name server at an address."""

    def __init__(self, name: str, at: Address) -> None:
        self.name, self._at = name, at

    def said(self, probe: Probe, row: Row) -> str:
        """Return the data of the answer in order, NXDOMAIN, NODATA, or what else the rcode is."""
        reply = self.ask(f"{probe.where}.{row.namespace}.{ZONE}", probe.qtype)
        rcode = dnslib.RCODE.get(reply.header.rcode)
        if rcode != "NOERROR":
            return str(rcode)
        within = f".{row.namespace}.{ZONE}."
        data = sorted(str(each.rdata).replace(within, "") for each in reply.rr)
        return ", ".join(data) or "NODATA"

    def miss(self, probe: Probe, row: Row) -> str:
        """Return "" once what is wanted holds, else what it is instead."""
        wanted = wanted_data(probe)
        if eventually(lambda: self.said(probe, row) == wanted, CHANGE_SECONDS):
            return ""
        return f"{self.name}: {probe.where} {probe.qtype}: {self.said(probe, row)}, not {wanted}"

    def ask(self, name: str, qtype: str) -> dnslib.DNSRecord:
        """Return the reply to one query."""
        query = dnslib.DNSRecord.question(name, qtype)
        query.header.id = random.randrange(1 << 16)
        with Socket(AF_INET, SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(self._at)
            sock.send(query.pack())
            return dnslib.DNSRecord.parse(sock.recv(65535))


def wanted_data(probe: Probe) -> str:
    """Return what a name server is to say."""
    if probe.wanted in NAMES:
        return NAMES[probe.wanted]
    if probe.qtype in ("A", "AAAA"):
        return ", ".join(sorted(address_of(each) for each in probe.wanted.split()))
    return ", ".join(sorted(probe.wanted.split(", ")))


class AnswersProbes(Protocol):
    """What has to do as the table says with connections."""

    def miss(self, probe: Probe) -> str:
        """Return "" once what is wanted holds, else what it is instead."""
        ...


def misses(row: Row, step: Step, proxies: Sequence[AnswersProbes], servers: Sequence[Named]) -> list[str]:
    """Return in words what does not hold, after the wait that a change may need."""
    found: list[str] = []
    for probe in step.probes:
        if probe.qtype:
            found += [each.miss(probe, row) for each in servers]
        else:
            found += [each.miss(probe) for each in proxies]
    return [each for each in found if each]

"""How agnhost's clients connect: from their pod's address, with the cluster's names.

A pod without a sandbox has no network of its own, so each socket is bound to the pod's address: there it enters at the
pod's node. Names are asked at the cluster's DNS server, with the search list that a pod has. In a sandbox the kernel
and the C library do all this. Blocking, for processes that do nothing else.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from kubehost.io.binding import socket_family
from kubelet.spec.server import LOW_PORTS_END

DNS_SECONDS = 2.0
NDOTS = 5
"""A name with fewer dots is tried in the search list first, as in every pod's resolv.conf."""
TYPE_A, CLASS_IN = 1, 1


class LookupFailedError(Exception):
    """A name cannot be resolved; the text is Go's."""


class Dialler(NamedTuple):
    """A client in a pod: the pod's address and namespace, and how far ports below 1024 have moved.

    ``source`` is "" where the kernel chooses it. ``dns`` is the address and port of the cluster's DNS server, and its
    domain; None to resolve names as the C library does.
    """

    source: str
    namespace: str = "default"
    shift: int = 0
    dns: tuple[str, int, str] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], source: str, namespace: str) -> Dialler:
        """Read the options of a server's plan; those of a server that has no clients may lack them."""
        dns = options.get("dns")
        return cls(source, namespace, options.get("shift", 0), (dns[0], dns[1], dns[2]) if dns else None)

    def resolve(self, host: str) -> str:
        """Return the address of a host; LookupFailedError."""
        with contextlib.suppress(ValueError):
            return str(ipaddress.ip_address(host or "127.0.0.1"))
        found = _look_up(host) if self.dns is None else next(filter(None, map(self._ask, self._candidates(host))), "")
        if not found:
            raise LookupFailedError(f"lookup {host}: no such host")
        return found

    def own_address(self, address: str, port: int) -> str:
        """Return the address from which a connection to another one leaves; OSError."""
        with self.connect(address, port, socket.SOCK_DGRAM, None) as sock:
            return str(sock.getsockname()[0])

    def connect(self, address: str, port: int, kind: socket.SocketKind, timeout: float | None) -> socket.socket:
        """Return a connected socket; OSError."""
        family = socket_family(address)
        sock = socket.socket(family, kind)
        try:
            sock.settimeout(timeout)
            if self.source and ":" not in address and ":" not in self.source:
                sock.bind((self.source, 0))
            sock.connect((address, port + self.shift if port < LOW_PORTS_END else port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _candidates(self, host: str) -> list[str]:
        if self.dns is None or host.endswith("."):
            return [host.rstrip(".")]
        domain = self.dns[2]
        searched = [f"{host}.{each}" for each in (f"{self.namespace}.svc.{domain}", f"svc.{domain}", domain)]
        return [*searched, host] if host.count(".") < NDOTS else [host, *searched]

    def _ask(self, name: str) -> str:
        """Return the first address of a name, "" if it has none or the server does not answer."""
        if self.dns is None:
            return ""
        identity = int.from_bytes(os.urandom(2))
        try:
            query = _query(identity, name)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(DNS_SECONDS)
                sock.connect(self.dns[:2])
                sock.send(query)
                return _first_address(sock.recv(4096), identity)
        except (OSError, UnicodeError, struct.error, IndexError):
            return ""


def _look_up(host: str) -> str:
    """Return the first address of a name by the C library, "" if it has none."""
    try:
        # As bytes: for a text Python imports its codec of international names, half a megabyte.
        found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""
    return str(found[0][4][0]) if found else ""


def _query(identity: int, name: str) -> bytes:
    labels = [each.encode("ascii") for each in name.split(".")]
    if not all(0 < len(each) < 64 for each in labels):
        raise UnicodeError
    question = b"".join(bytes([len(each)]) + each for each in labels)
    return struct.pack("!6H", identity, 0x0100, 1, 0, 0, 0) + question + struct.pack("!xHH", TYPE_A, CLASS_IN)


def _first_address(packet: bytes, identity: int) -> str:
    said, _flags, questions, answers = struct.unpack_from("!4H", packet)
    if said != identity:
        return ""
    position = 12
    for _ in range(questions):
        position = _after_name(packet, position) + 4
    for _ in range(answers):
        position = _after_name(packet, position)
        kind, _class, _ttl, length = struct.unpack_from("!HHIH", packet, position)
        position += 10
        if kind == TYPE_A:
            return socket.inet_ntoa(packet[position : position + 4])
        position += length
    return ""


def _after_name(packet: bytes, position: int) -> int:
    while length := packet[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
    return position + 1

"""The image regression-issue-74839: a TCP server whose connections also get a segment outside of their window.

A NAT that takes such a segment for none of its connections lets it through as it is, and the client resets the
connection then; a client that sees it as one of its own ignores it. Follows k8s.io/kubernetes
``test/images/regression-issue-74839``: it needs the capability NET_RAW.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple, NoReturn

from kubehost.addresses import join_host_port
from kubelet.servers.agnhost.golog import log
from kubelet.servers.http.listening import listen
from kubelet.spec.server import ServerError

PORT = 9000
OPEN_SECONDS = 10.0
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FAR = 100_000
"""How far before the window the segment is."""
DATA = b"boom!!!"
_HEADER = struct.Struct("!HHIIHHHH")
_FLAGS = ((FIN, "FIN"), (SYN, "SYN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))


class Segment(NamedTuple):
    """The header of a TCP segment; ``flags`` has the length of the header in its upper four bits."""

    source: int
    destination: int
    sequence: int
    acknowledged: int
    flags: int
    window: int
    checksum: int = 0
    urgent: int = 0

    def names(self) -> str:
        """Return the names of the flags."""
        return " ".join(name for bit, name in _FLAGS if self.flags & bit)


def parse_segment(packet: bytes) -> Segment:
    """Read a header; struct.error for one that is too short."""
    return Segment(*_HEADER.unpack_from(packet))


def far_segment(seen: Segment, source: str, destination: str) -> bytes:
    """Return a segment from ``source`` that answers the third one of a handshake, with a number far before its own."""
    bare = Segment(
        source=seen.destination,
        destination=seen.source,
        sequence=(seen.acknowledged - FAR) % (1 << 32),
        acknowledged=seen.sequence,
        flags=(_HEADER.size // 4) << 12 | PSH | ACK,
        window=seen.window,
    )
    checksum = checksum_of(_pseudo(source, destination, _HEADER.size + len(DATA)) + _HEADER.pack(*bare) + DATA)
    return _HEADER.pack(*bare._replace(checksum=checksum)) + DATA


def _pseudo(source: str, destination: str, length: int) -> bytes:
    """Return what TCP's checksum has of the addresses (RFC 9293, 3.1; RFC 8200, 8.1)."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    return addresses + struct.pack("!II" if ":" in source else "!HH", *_pseudo_end(source, length))


def _pseudo_end(source: str, length: int) -> tuple[int, int]:
    return (length, socket.IPPROTO_TCP) if ":" in source else (socket.IPPROTO_TCP, length)


def checksum_of(content: bytes) -> int:
    """Return the checksum of the internet (RFC 1071)."""
    padded = content + b"\0" * (len(content) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Probe:
    """Sees the segments that come to one address, and answers each handshake's last one with one that is far off."""

    def __init__(self, address: str) -> None:
        self._address = address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.socket.bind((address, 0))
        self._pending: set[tuple[str, int]] = set()

    def receive(self) -> None:
        """Take one packet; OSError."""
        packet, peer = self.socket.recvfrom(4096)
        # Of IPv4 a raw socket also gives the header, whose length is in its first byte (raw(7)).
        begin = 0 if ":" in self._address else (packet[0] & 15) * 4
        try:
            segment = parse_segment(packet[begin:])
        except struct.error as error:
            log(f"tcp packet parse error: {error}")
            return
        if segment.destination == PORT:
            log(f"tcp packet: {segment}, flag: {segment.names()}, addr: {peer[0]}")
            self._answer(segment, str(peer[0]))

    def _answer(self, segment: Segment, client: str) -> None:
        key = client, segment.source
        if segment.flags & SYN:
            self._pending.add(key)
            return
        if segment.flags & RST:
            log("ERROR: RST received")
        if segment.flags & ACK and key in self._pending:
            self._pending.discard(key)
            log("connection established")
            try:
                self.socket.sendto(far_segment(segment, self._address, client), (client, 0))
            except OSError as error:
                log(f"conn.WriteTo() error: {error.strerror}")
            else:
                log("boom packet injected")


def prepare(environment: Mapping[str, str]) -> partial[NoReturn]:
    """Bind everything on the addresses of the pod, and return what serves; ServerError, OSError."""
    addresses = environment.get("POD_IPS") or environment.get("POD_IP", "")
    if not addresses:
        raise ServerError("No valid IP found")
    try:
        probes = [Probe(each) for each in addresses.split(",")]
    except PermissionError:
        raise ServerError("listen ip:tcp: operation not permitted: it needs the capability NET_RAW") from None
    return partial(_serve, probes, listen("", PORT))


def _serve(probes: list[Probe], listener: socket.socket) -> NoReturn:
    log(f"listen on {join_host_port('0.0.0.0', PORT)}")  # noqa: S104 - the words of the image's own program
    by_socket = {each.socket: each for each in probes}
    opened: list[tuple[float, socket.socket]] = []
    while True:
        ready, _, _ = select.select((listener, *by_socket), (), (), 1.0)
        for each in ready:
            if each is listener:
                opened.append((time.monotonic() + OPEN_SECONDS, listener.accept()[0]))
            else:
                by_socket[each].receive()
        for _, connection in (each for each in opened if each[0] <= time.monotonic()):
            connection.close()
        opened = [each for each in opened if each[1].fileno() >= 0]

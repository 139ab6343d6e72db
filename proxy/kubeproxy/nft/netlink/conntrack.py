"""The messages of conntrack: which connections the kernel knows, as values. Pure.

Numbers are those of include/uapi/linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h and nf_conntrack_tcp.h.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

from kubehost.netlink import ACK, MATCH, ROOT, Message, attribute, read_attributes
from kubeproxy.nft.netlink.attributes import HEADER_SIZE, header, nested, number
from kubeproxy.nft.netlink.forms import PROTOCOLS, Family, packed

NEW, UPDATE, DESTROY = 1, 2, 3
"""Groups of events: connections that begin, change and are forgotten."""

SYN_SENT, ESTABLISHED, TIME_WAIT, CLOSE = 1, 3, 7, 8
"""States of TCP."""
_SUBSYSTEM = 1 << 8
_MSG_NEW, _MSG_GET, _MSG_DELETE = 0, 1, 2
_TUPLE_ORIG, _TUPLE_REPLY, _STATUS, _PROTOINFO, _TIMEOUT = 1, 2, 3, 4, 7
_COUNTERS_ORIG, _COUNTERS_REPLY, _TIMESTAMP, _STATUS_MASK = 9, 10, 20, 26
_IS_TRANSLATED = 1 << 5
_IS_ASSURED = 1 << 2
_NAMES = {number: name for name, number in PROTOCOLS.items()}


class End(NamedTuple):
    """One direction: the addresses and ports of its two sides."""

    source: str
    source_port: int
    destination: str
    destination_port: int


class Flow(NamedTuple):
    """A connection: ``client`` is as it was sent, ``server`` as it is answered; they differ if it ``is_translated``.

    ``state`` is TCP's, 0 for others. ``began_at`` is in seconds since the epoch, 0.0 if the kernel does not keep it
    (nf_conntrack_timestamp); bytes are 0 without nf_conntrack_acct. ``seconds_left`` is when it is forgotten.
    """

    protocol: str
    client: End
    server: End
    is_translated: bool
    state: int
    is_assured: bool
    seconds_left: int
    began_at: float
    bytes_to_endpoint: int
    bytes_to_client: int

    @property
    def key(self) -> tuple[str, End]:
        """What tells it from all others at one time."""
        return self.protocol, self.client


def dump(family: Family, *, only_translated: bool) -> Message:
    """Ask for all connections, or for those whose destination was translated; old kernels return all."""
    wanted = number(_STATUS, _IS_TRANSLATED) + number(_STATUS_MASK, _IS_TRANSLATED) if only_translated else b""
    return Message(_SUBSYSTEM | _MSG_GET, ROOT | MATCH, header(family.number) + wanted, "connections")


def get(family: Family, flow: Flow) -> Message:
    """Ask for one connection; ENOENT if it is gone."""
    return Message(_SUBSYSTEM | _MSG_GET, 0, header(family.number) + _tuple(flow), "a connection")


def delete(family: Family, flow: Flow) -> Message:
    """Forget one connection; ENOENT if it is gone."""
    return Message(_SUBSYSTEM | _MSG_DELETE, ACK, header(family.number) + _tuple(flow), "a connection")


def is_end(kind: int) -> bool:
    """Tell whether an event of this kind is that of a connection that was forgotten."""
    return kind == _SUBSYSTEM | _MSG_DELETE


def read_flow(body: bytes) -> Flow | None:
    """Return the connection in a message, None if its protocol has no ports."""
    found = dict(read_attributes(body[HEADER_SIZE:]))
    (status,) = struct.unpack("!I", found.get(_STATUS, bytes(4)))
    client, server = _end(found.get(_TUPLE_ORIG, b"")), _end(found.get(_TUPLE_REPLY, b""))
    if client is None or server is None:
        return None
    protocol, one = client
    return Flow(
        protocol=protocol,
        client=one,
        server=server[1],
        is_translated=bool(status & _IS_TRANSLATED),
        state=_state(found.get(_PROTOINFO, b"")),
        is_assured=bool(status & _IS_ASSURED),
        seconds_left=_number(found.get(_TIMEOUT, b"")),
        began_at=_number(dict(read_attributes(found.get(_TIMESTAMP, b""))).get(1, b"")) / 1e9,
        bytes_to_endpoint=_number(dict(read_attributes(found.get(_COUNTERS_ORIG, b""))).get(2, b"")),
        bytes_to_client=_number(dict(read_attributes(found.get(_COUNTERS_REPLY, b""))).get(2, b"")),
    )


def _tuple(flow: Flow) -> bytes:
    client = flow.client
    source, destination = packed(client.source), packed(client.destination)
    first = 1 if len(source) == 4 else 3
    addresses = nested(1, attribute(first, source), attribute(first + 1, destination))
    protocol = attribute(1, bytes((PROTOCOLS[flow.protocol],)))
    ports = (
        attribute(2, client.source_port.to_bytes(2, "big")),
        attribute(3, client.destination_port.to_bytes(2, "big")),
    )
    return nested(_TUPLE_ORIG, addresses, nested(2, protocol, *ports))


def _end(content: bytes) -> tuple[str, End] | None:
    parts = dict(read_attributes(content))
    addresses, ports = dict(read_attributes(parts.get(1, b""))), dict(read_attributes(parts.get(2, b"")))
    source, destination = addresses.get(1) or addresses.get(3), addresses.get(2) or addresses.get(4)
    protocol = _NAMES.get(_number(ports.get(1, b"")))
    if source is None or destination is None or protocol is None:
        return None
    return protocol, End(_text(source), _number(ports.get(2, b"")), _text(destination), _number(ports.get(3, b"")))


def _state(content: bytes) -> int:
    tcp = dict(read_attributes(content)).get(1, b"")
    return _number(dict(read_attributes(tcp)).get(1, b""))


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def _text(content: bytes) -> str:
    return str(ipaddress.ip_address(content))

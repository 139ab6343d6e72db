"""The rdata of each record type that the zone has: its text in a zone file, and whether it is compressed. Pure.

A new type begins here, with a row in RDATA.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

from kubedns.names import text_of, wire_of
from kubedns.types import QType, Record


class RData(NamedTuple):
    """How the rdata of a type is handled: ``text`` writes it as in a zone file.

    ``is_name``: it is a name that may be compressed (RFC 1035; no type after it may, RFC 3597).
    """

    text: Callable[[bytes], str]
    is_name: bool = False


def record_line(record: Record) -> str:
    """Return a record as a line of a zone file."""
    qtype = QType(record.type)
    return f"{text_of(record.name)} {record.ttl} IN {qtype.name} {RDATA[qtype].text(record.rdata)}"


def _address(rdata: bytes) -> str:
    return str(ip_address(rdata))


def _srv(rdata: bytes) -> str:
    priority, weight, port = struct.unpack(">HHH", rdata[:6])
    return f"{priority} {weight} {port} {text_of(rdata[6:])}"


def _txt(rdata: bytes) -> str:
    return f'"{rdata[1:].decode("ascii", "backslashreplace")}"'


def _soa(rdata: bytes) -> str:
    first = text_of(rdata)
    second = text_of(rdata[len(wire_of(first)) :])
    return " ".join([first, second, *map(str, struct.unpack(">5I", rdata[-20:]))])


RDATA: dict[QType, RData] = {
    QType.A: RData(_address),
    QType.AAAA: RData(_address),
    QType.CNAME: RData(text_of, is_name=True),
    QType.NS: RData(text_of, is_name=True),
    QType.PTR: RData(text_of, is_name=True),
    QType.SOA: RData(_soa),
    QType.SRV: RData(_srv),
    QType.TXT: RData(_txt),
}
"""The types of which the zone has records, in alphabetical order. For any other type a name has no records (NODATA)."""

NAME_TYPES = frozenset(qtype for qtype, each in RDATA.items() if each.is_name)
"""The types whose whole rdata is a name that may be compressed."""

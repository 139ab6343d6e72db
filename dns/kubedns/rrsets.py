"""The records of an answer, made of addresses and targets. Pure; names and addresses are as on the wire."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from kubedns.records import NO_PORT, ServiceKey
from kubedns.types import QType, Record

MAX_SOA_TTL = 300
SOA_TIMES = (7200, 1800, 86400)
"""Refresh, retry and expire, in seconds (CoreDNS ``plugin/backend_lookup.go``)."""

ADDRESS_BYTES: dict[int, int] = {QType.A: 4, QType.AAAA: 16}


class Target(NamedTuple):
    """One place to connect to. ``name`` is on the wire, ``address`` packed, ``port`` maybe NO_PORT."""

    name: bytes
    port: int
    address: bytes


def address_records(name: bytes, addresses: Iterable[bytes], qtype: int, ttl: int) -> tuple[Record, ...]:
    """Return a record for each address, if its family is that of the type."""
    length = ADDRESS_BYTES.get(qtype)
    return tuple([Record(name, qtype, ttl, each) for each in addresses if len(each) == length])


def glue(pairs: Iterable[tuple[bytes, bytes]], ttl: int) -> tuple[Record, ...]:
    """Return an address record for each name and address."""
    return tuple(Record(name, QType.A if len(each) == 4 else QType.AAAA, ttl, each) for name, each in pairs)


def srv_records(name: bytes, targets: list[Target], ttl: int) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Return SRV records, one per target and port, and the targets' addresses.

    The weight is by the number of targets before equal ones are merged, as CoreDNS has it.
    """
    weight = max(1, 100 // len(targets)) if targets else 1
    shown = [each for each in targets if each.port != NO_PORT]
    answers = tuple(
        Record(name, QType.SRV, ttl, struct.pack(">HHH", 0, weight, port) + target)
        for target, port in dict.fromkeys((each.name, each.port) for each in shown)
    )
    return answers, glue(dict.fromkeys((each.name, each.address) for each in shown), ttl)


def soa_record(origin: bytes, serial: int, ttl: int, minimum: int) -> Record:
    """Return the start of authority of the zone ``origin``; ``minimum`` is its last number."""
    numbers = struct.pack(">5I", serial, *SOA_TIMES, minimum)
    rdata = b"\x02ns\x03dns" + origin + b"\x0ahostmaster" + origin + numbers
    return Record(origin, QType.SOA, min(ttl, MAX_SOA_TTL), rdata)


def service_name(key: ServiceKey, origin: bytes) -> bytes:
    """Return the name of a Service on the wire; ``origin`` is the zone's."""
    namespace, name = key
    return b"%c%b%c%b\x03svc%b" % (len(name), name, len(namespace), namespace, origin)

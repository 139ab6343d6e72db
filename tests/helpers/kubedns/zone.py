"""Ask a Handler in text, and read its answer as the lines of a zone file."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from tests.helpers.kubedns.objects import cluster

from kubeapi.meta import JSON, key_of
from kubeapi.watching import Delta
from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.names import labels_of, text_of, wire_of
from kubedns.types import Answer, Owner, QType, Query, Record
from kubedns.zone import Zone

NOW = 1_700_000_000.0


class Said(NamedTuple):
    """An answer in text: the rcode's name, and each section as sorted lines without class."""

    rcode: str
    answers: list[str]
    authority: list[str]
    additional: list[str]


def tell(zone: Zone, *objects: JSON) -> set[Owner]:
    """Tell the zone of objects that came or changed; return what went stale."""
    return {owner for each in objects for owner in _tell(zone, each, each)}


def untell(zone: Zone, obj: JSON) -> set[Owner]:
    """Tell the zone that the object is gone."""
    return _tell(zone, obj, None)


def _tell(zone: Zone, obj: JSON, new: JSON | None) -> set[Owner]:
    records = zone.records
    note = {
        "Namespace": records.namespaces_changed,
        "Service": records.services_changed,
        "EndpointSlice": records.slices_changed,
        "Pod": records.pods_changed,
    }[obj["kind"]]
    return zone.changed(note([Delta(key_of(obj), None, new)]))


def zone_of(objects: Iterable[JSON]) -> Zone:
    """A synced zone that holds the objects."""
    zone = Zone(lambda: NOW)
    zone.has_synced = True
    tell(zone, *objects)
    return zone


def handler(objects: Iterable[JSON] | None = None, config: DNSConfig | None = None) -> Handler:
    """A handler of the tables' cluster, bound to 192.0.2.53."""
    return Handler(zone_of(cluster() if objects is None else objects), config or DNSConfig(), ["192.0.2.53"])


def query(name: str, qtype: int | str = "A", qclass: int = 1) -> Query:
    """A query as it comes from the wire."""
    wire = wire_of(name)
    number = QType[qtype] if isinstance(qtype, str) else qtype
    return Query(1, 0x0100, wire, labels_of(wire), number, qclass, None, True)


def ask(to: Handler, name: str, qtype: int | str = "A") -> Said:
    """Ask, and put the answer in text."""
    return said(to.answer(query(name, qtype)))


def said(answer: Answer) -> Said:
    """Put an answer in text."""
    return Said(answer.rcode.name, _lines(answer.answers), _lines(answer.authority), _lines(answer.additional))


def _lines(records: Iterable[Record]) -> list[str]:
    return [f"{text_of(each.name)} {each.ttl} {QType(each.type).name} {rdata_text(each)}" for each in records]


def rdata_text(record: Record) -> str:
    """The rdata as a zone file writes it."""
    rdata = record.rdata
    match record.type:
        case QType.A | QType.AAAA:
            return str(ip_address(rdata))
        case QType.CNAME | QType.PTR | QType.NS:
            return text_of(rdata)
        case QType.SRV:
            return " ".join(map(str, (*struct.unpack(">HHH", rdata[:6]), text_of(rdata[6:]))))
        case QType.TXT:
            return f'"{rdata[1:].decode()}"'
    names, numbers = rdata[:-20], struct.unpack(">5I", rdata[-20:])
    first = text_of(names)
    return " ".join((first, text_of(names[len(first) + 1 :]), *map(str, numbers)))

"""Transfers of the whole zone (AXFR, and IXFR in the form of AXFR): its names, then the records of each. Pure.

Follows CoreDNS ``plugin/kubernetes/xfr.go`` in what is part of a transfer, and gives for each name what a query for
it gets: cluster IPs with their SRV records, headless Services with the endpoints' names and the SRV records
of named ports, aliases. No pods, and no names of endpoints below a cluster IP.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kubedns.lookup import ZoneLookup
from kubedns.packets.responses import write_in_order
from kubedns.records import ServiceKey, ServiceRecord
from kubedns.rrsets import service_name
from kubedns.types import QType, Query, Record
from kubedns.zone import Records

BATCH = 100
"""Records of one message: they fit it (65535 bytes) however long their names are."""

_ADDRESSES = (QType.A, QType.AAAA)


def transfer(query: Query, lookup: ZoneLookup, serial: int | None) -> Iterator[bytes]:
    """Yield the messages of a transfer of the zone that ``query`` names, without their lengths.

    ``serial`` is the version that the client has (IXFR): with the newest one it gets the SOA record alone.
    """
    records = _records(query.name, lookup, serial)
    while batch := tuple(islice(records, BATCH)):
        yield write_in_order(query, batch)


def _records(origin: bytes, lookup: ZoneLookup, serial: int | None) -> Iterator[Record]:
    start = lookup.records_at(origin, QType.SOA)
    yield from start
    if serial == lookup.serial:
        return
    yield from lookup.records_at(origin, QType.NS)
    for qtype in _ADDRESSES:
        yield from lookup.records_at(b"\x02ns\x03dns" + origin, qtype)
    records = lookup.records
    for key in sorted(records.services):
        service = records.services.get(key)  # it may be gone by the time that its turn comes
        if service is not None:
            for name, qtype in _names(key, service, records, origin):
                yield from lookup.records_at(name, qtype)
    yield from start


def _names(key: ServiceKey, service: ServiceRecord, records: Records, origin: bytes) -> Iterator[tuple[bytes, QType]]:
    """Yield the names of a Service that are part of a transfer, each with a type to ask for."""
    name = service_name(key, origin)
    if service.external_name is not None:
        yield name, QType.CNAME
        return
    yield from ((name, each) for each in _ADDRESSES)
    if service.is_headless:
        slices = records.slices_of(key)
        labels = dict.fromkeys(endpoint.label for each in slices for endpoint in each.endpoints)
        for label in labels:
            yield from ((bytes((len(label),)) + label + name, each) for each in _ADDRESSES)
        ports = [port for each in slices for port in each.ports]
    else:
        yield name, QType.SRV
        ports = list(service.ports)
    for port, protocol in dict.fromkeys((each.name, each.protocol) for each in ports if each.name):
        yield b"%c_%b%c_%b%b" % (len(port) + 1, port, len(protocol) + 1, protocol, name), QType.SRV

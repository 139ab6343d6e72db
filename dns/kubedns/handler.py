"""The answer to a query, whatever its name: a configured host, the zone's, a reverse name, or one of an upstream. Pure.

Beside ``lookup`` for the zone, follows CoreDNS' ``hosts``, ``kubernetes`` and ``forward``, in this order. Other types
at a reverse name are NXDOMAIN, so that an upstream is asked where that falls through; SOA below the apex is NODATA,
also at names that do not exist; with upstreams for all names, the class is not looked at. Decides neither order nor
size of a response (``packets.responses``), and asks no upstream (``io.asking``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubedns.config import ROOT, DNSConfig, Forward
from kubedns.lookup import ZoneLookup
from kubedns.names import is_below, labels_of, packed_address, reverse_address, wire_of
from kubedns.rrsets import address_records, service_name
from kubedns.types import (
    CLASS_IN,
    TRANSFERS,
    Answer,
    Found,
    Labels,
    Missing,
    Owner,
    QType,
    Query,
    RCode,
    Record,
    Why,
    ZoneName,
)
from kubedns.zone import Zone

_NOERROR = RCode.NOERROR  # a member of an Enum is read five times as slowly as a global
_REFUSED = Answer(RCode.REFUSED, is_authoritative=False)
_NO_TRANSFER = _REFUSED._replace(why=Why.TRANSFER)
_OUTSIDE = _REFUSED._replace(is_outside=True)
_FAILED = _OUTSIDE._replace(rcode=RCode.SERVFAIL)
_ARPA = b"arpa"
_NOBODY = Forward()


class Handler:
    """Answers from a Zone. ``bound`` are the addresses where the server listens."""

    def __init__(self, zone: Zone, config: DNSConfig, bound: Iterable[str] = ()) -> None:
        self._zone = zone
        self._ttl = config.ttl
        self._hosts_ttl = config.ttl if config.hosts_ttl is None else config.hosts_ttl
        self._has_reverse_hosts = config.has_reverse_hosts
        self._takes_any_class = bool(config.forwards.get(ROOT, _NOBODY).servers)
        self._fallthrough, self._server_zones = (
            tuple(labels_of(wire_of(each)) for each in zones) for zones in (config.fallthrough, config.server_zones)
        )
        self._hosts: dict[Labels, tuple[bytes, ...]] = {}
        self._hosts_at: dict[bytes, tuple[bytes, ...]] = {}
        self.set_hosts(config.hosts)
        self.lookup = ZoneLookup(zone, config, self._hosts)
        self._zones = self.lookup.zones
        # Almost no zone of a cluster falls through, and most names that are looked up there do not exist.
        self._has_zone_fallthrough = any(map(self._zones.overlaps, self._fallthrough))
        self.listen_at(bound)

    def set_hosts(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """Set the names outside the zone with their addresses; ValueError for what is no name."""
        found = {labels_of(wire_of(name)): _packed(each) for name, each in hosts.items()}
        self._hosts.clear()
        self._hosts.update(found)
        self._hosts_at = _names_at(hosts) if self._has_reverse_hosts else {}

    def listen_at(self, bound: Iterable[str]) -> None:
        """Set the addresses where the server listens."""
        self.lookup.bound = _packed(bound)

    def answer(self, query: Query) -> Answer:
        """Answer any query."""
        if query.qclass != CLASS_IN and not self._takes_any_class:
            return _REFUSED
        if self._hosts and (found := self._find_host(query)) is not None:
            return found
        if self._zones.has(query.labels):
            return _NO_TRANSFER if query.type in TRANSFERS else self._answer_zone(query)
        zone = self._zones.reverse_zone(query.labels) if query.labels[-1:] == (_ARPA,) else None
        if zone is not None:
            return _NO_TRANSFER if query.type in TRANSFERS else self._answer_reverse(query, zone)
        return self._outside(query)

    def _outside(self, query: Query) -> Answer:
        """Return the answer if no upstream is asked: the block of a Corefile fails that has none, others refuse."""
        is_served = self._server_zones and any(is_below(query.labels, each) for each in self._server_zones)
        return _FAILED if is_served else _OUTSIDE

    def _find_host(self, query: Query) -> Answer | None:
        """Return the answer at a name of ``hosts``, or with the names of an address there."""
        if query.type == QType.PTR:
            names = self._hosts_at.get(reverse_address(query.labels) or b"", ())
            records = tuple(Record(query.name, QType.PTR, self._hosts_ttl, each) for each in names)
            return Answer(_NOERROR, records, why=Why.HOST) if records else None
        addresses = self._hosts.get(query.labels)
        if addresses is None:
            return None
        return Answer(_NOERROR, address_records(query.name, addresses, query.type, self._hosts_ttl), why=Why.HOST)

    def _missing(self, query: Query, negative: Answer) -> Answer:
        """Return the answer to a name that does not exist, about which an upstream may have to be asked."""
        if negative.rcode == _NOERROR or not any(is_below(query.labels, each) for each in self._fallthrough):
            return negative
        return self._outside(query) if self._server_zones else negative._replace(is_outside=True)

    def _answer_zone(self, query: Query) -> Answer:
        asked = self.lookup.asked(query.name, query.labels, query.type, [])
        found = self.lookup.find(asked)
        made_from = tuple(asked.owners)
        if isinstance(found, Missing) or not (found.answers or found.follow):
            negative = self._negative(found, asked.origin, made_from, asked.parsed)
            if query.type == QType.SOA:
                return negative._replace(rcode=RCode.NOERROR)
            return self._missing(query, negative) if self._has_zone_fallthrough else negative
        why, answers, additional, follow = found
        return Answer(_NOERROR, answers, (), additional, made_from, why, asked.parsed, follow)

    def _negative(
        self, found: Found | Missing, origin: bytes, owners: tuple[Owner, ...], name: ZoneName | None = None
    ) -> Answer:
        """Return NODATA or NXDOMAIN with the SOA of the zone ``origin``; SERVFAIL while not all objects are known."""
        rcode = _NOERROR
        if isinstance(found, Missing):
            rcode = RCode.NXDOMAIN if self._zone.has_synced else RCode.SERVFAIL
        return Answer(rcode, (), (self.lookup.soa(origin),), (), owners, found.why, name)

    def _answer_reverse(self, query: Query, zone: Labels) -> Answer:
        """Answer below a reverse zone; an upstream may know the names of an address that is not the cluster's."""
        apex = query.name[-sum(map(len, zone)) - len(zone) - 1 :]
        owners: list[Owner] = []
        if query.labels == zone:
            found = self.lookup.find_apex(apex, query.type, owners)
        elif query.type == QType.SOA:
            found = Found(Why.BELOW_APEX)
        else:
            found = self._find_reverse(query, owners)
        if isinstance(found, Missing):
            return self._missing(query, self._negative(found, apex, tuple(owners)))
        if not found.answers:
            return self._negative(found, apex, tuple(owners))
        return Answer(_NOERROR, found.answers, (), found.additional, tuple(owners), found.why)

    def _find_reverse(self, query: Query, owners: list[Owner]) -> Found | Missing:
        address = reverse_address(query.labels)
        if address:
            owners.append(("address", address, b""))
        names = self._names_at(address) if address and query.type == QType.PTR else ()
        answers = tuple(Record(query.name, QType.PTR, self._ttl, each) for each in names)
        return Found(Why.REVERSE, answers) if answers else Missing(Why.NO_REVERSE)

    def _names_at(self, address: bytes) -> Sequence[bytes]:
        """Return the names of an address: its Service's, else those of its endpoints."""
        records, origin = self.lookup.records, self._zones.origin
        key = records.service_at(address)
        if key is not None:
            return (service_name(key, origin),)
        names = dict.fromkeys(
            bytes((len(endpoint.label),)) + endpoint.label + service_name(service, origin)
            for service, endpoint in records.endpoints_at(address)
        )
        return tuple(names)


def _packed(addresses: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(each for each in map(packed_address, addresses) if each)


def _names_at(hosts: Mapping[str, tuple[str, ...]]) -> dict[bytes, tuple[bytes, ...]]:
    found: dict[bytes, tuple[bytes, ...]] = {}
    for name, addresses in hosts.items():
        for each in _packed(addresses):
            found[each] = (*found.get(each, ()), wire_of(name))
    return found

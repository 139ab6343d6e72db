"""The answer to a query, whatever its name: the zone's, a reverse name, a configured host, or one of an upstream. Pure.

Beside ``lookup`` for the zone, follows a stock CoreDNS: ``fallthrough in-addr.arpa ip6.arpa``, ``hosts`` and
``forward``. Other types at a reverse name are NXDOMAIN, so that an upstream is asked; SOA below the apex is NODATA,
also at names that do not exist; with upstreams, the class is not looked at. Names of ``hosts`` have the zone's TTL
(CoreDNS: 3600 s), so that a changed configuration is seen. Decides neither order nor size of a response
(``packets.responses``), and asks no upstream (``io.asking``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubedns.config import DNSConfig
from kubedns.lookup import ZoneLookup
from kubedns.names import REVERSE_V4, REVERSE_V6, labels_of, packed_address, reverse_address, wire_of
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


class Handler:
    """Answers from a Zone. ``bound`` are the addresses where the server listens."""

    def __init__(self, zone: Zone, config: DNSConfig, bound: Iterable[str] = ()) -> None:
        self._zone = zone
        self._ttl = config.ttl
        self._takes_any_class = bool(config.upstreams)
        self._hosts: dict[Labels, tuple[bytes, ...]] = {}
        self._hosts_at: dict[bytes, tuple[bytes, ...]] = {}
        self.set_hosts(config.hosts)
        self.lookup = ZoneLookup(zone, config, self._hosts)
        self.listen_at(bound)

    def set_hosts(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """Set the names outside the zone with their addresses; ValueError for what is no name."""
        found = {labels_of(wire_of(name)): _packed(each) for name, each in hosts.items()}
        self._hosts.clear()
        self._hosts.update(found)
        self._hosts_at = _names_at(hosts)

    def listen_at(self, bound: Iterable[str]) -> None:
        """Set the addresses where the server listens."""
        self.lookup.bound = _packed(bound)

    def answer(self, query: Query) -> Answer:
        """Answer any query."""
        if query.qclass != CLASS_IN and not self._takes_any_class:
            return _REFUSED
        if self.lookup.is_ours(query.labels):
            return _NO_TRANSFER if query.type in TRANSFERS else self._answer_zone(query)
        if query.labels[-2:] in (REVERSE_V4, REVERSE_V6) and not self.lookup.is_delegated(query.labels):
            return _NO_TRANSFER if query.type in TRANSFERS else self._answer_reverse(query)
        addresses = self._hosts.get(query.labels)
        if addresses is not None:
            return Answer(_NOERROR, address_records(query.name, addresses, query.type, self._ttl), why=Why.HOST)
        return _OUTSIDE

    def _answer_zone(self, query: Query) -> Answer:
        asked = self.lookup.asked(query.name, query.labels, query.type, [])
        found = self.lookup.find(asked)
        made_from = tuple(asked.owners)
        if isinstance(found, Missing) or not (found.answers or found.follow):
            origin = query.name[-len(self.lookup.origin) :]
            negative = self._negative(found, origin, made_from, asked.parsed)
            return negative if query.type != QType.SOA else negative._replace(rcode=RCode.NOERROR)
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

    def _answer_reverse(self, query: Query) -> Answer:
        """Answer below in-addr.arpa and ip6.arpa; an upstream is asked for an address that is not the cluster's."""
        apex = query.name[-sum(map(len, query.labels[-2:])) - 3 :]
        owners: list[Owner] = []
        if len(query.labels) == 2:
            found = self.lookup.find_apex(apex, query.type, owners)
        elif query.type == QType.SOA:
            found = Found(Why.BELOW_APEX)
        else:
            found = self._find_reverse(query, owners)
        if isinstance(found, Missing):
            return self._negative(found, apex, tuple(owners))._replace(is_outside=True)
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
        """Return the names of an address: its Service's, else those of its endpoints, else those of ``hosts``."""
        records, origin = self.lookup.records, self.lookup.origin
        key = records.service_at(address)
        if key is not None:
            return (service_name(key, origin),)
        names = dict.fromkeys(
            bytes((len(endpoint.label),)) + endpoint.label + service_name(service, origin)
            for service, endpoint in records.endpoints_at(address)
        )
        return tuple(names) or self._hosts_at.get(address, ())


def _packed(addresses: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(each for each in map(packed_address, addresses) if each)


def _names_at(hosts: Mapping[str, tuple[str, ...]]) -> dict[bytes, tuple[bytes, ...]]:
    found: dict[bytes, tuple[bytes, ...]] = {}
    for name, addresses in hosts.items():
        for each in _packed(addresses):
            found[each] = (*found.get(each, ()), wire_of(name))
    return found

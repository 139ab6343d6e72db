"""The answer to a query: which records, or which no. Pure; reads like the specification on purpose.

Follows the Kubernetes DNS specification 1.1.0 and, where that is silent, a stock CoreDNS: ``kubernetes`` with
``pods insecure`` and ``fallthrough in-addr.arpa ip6.arpa``, ``hosts`` and ``forward``. Decides neither order nor size
of a response (``wire``) and asks nobody (``forward``).

CoreDNS departs from RFC 1034 and RFC 8020 in places, and is followed there: ``_tcp.svc...`` is an endpoint's name and
so NXDOMAIN, as are ``<ns>.pod`` when pods are disabled, ``dns.<zone>``, TXT at a name that is no Service's or pod's,
other types at ``dns-version`` and, so that an upstream is asked, other types at a reverse name; labels left of a pod's
are ignored; SOA below the apex is NODATA whatever is there; an alias whose chase inside the zone finds nothing is
NODATA without the CNAME; where others are asked, the class does not matter. Names of ``hosts`` have the zone's TTL
(CoreDNS: 3600 s), so that a changed configuration is seen.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kubedns.config import DNSConfig
from kubedns.names import (
    REVERSE_V4,
    REVERSE_V6,
    ZoneName,
    is_below,
    labels_of,
    packed_address,
    parse_name,
    pod_address,
    reverse_address,
    wire_of,
)
from kubedns.records import NO_PORT, PortRecord, Records, ServiceKey, ServiceRecord, Zone
from kubedns.types import CLASS_IN, SERIAL, TRANSFERS, Answer, Follow, Labels, Owner, QType, Query, RCode, Record

SCHEMA_VERSION = b"1.1.0"
SCHEMA_TTL = 28800
MAX_SOA_TTL = 300
MAX_CHASE = 10
SOA_TIMES = (7200, 1800, 86400)
"""Refresh, retry and expire, in seconds (CoreDNS ``plugin/backend_lookup.go``)."""

_REFUSED = Answer(RCode.REFUSED, is_authoritative=False)
_ADDRESS_LENGTH = {QType.A: 4, QType.AAAA: 16}


class Target(NamedTuple):
    """What a name stands for: where to connect. ``name`` is on the wire, ``address`` packed, ``port`` maybe NO_PORT."""

    name: bytes
    port: int
    address: bytes


class Found(NamedTuple):
    """A name that exists, with what was asked for; all empty is NODATA. None in its place is NXDOMAIN."""

    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    follow: Follow | None = None


class Handler:
    """Answers from a Zone. ``bound`` are the addresses at which the server is reached, for want of a Service."""

    def __init__(self, zone: Zone, config: DNSConfig, bound: Iterable[str] = ()) -> None:
        self._zone = zone
        self._records = zone.records
        self._ttl = config.ttl
        self._pods = config.pods
        self._ignores_empty = config.ignores_empty_services
        self._origin = wire_of(config.zone)
        self._origin_labels = labels_of(self._origin)
        self._bound = tuple(each for each in map(packed_address, bound) if each)
        self._cluster_dns: ServiceKey | None = None
        if config.cluster_dns:
            self._cluster_dns = config.cluster_dns.namespace.lower().encode(), config.cluster_dns.name.lower().encode()
        self._hosts = {labels_of(wire_of(name)): _packed(each) for name, each in config.hosts.items()}
        self._hosts_at = _names_at(config.hosts)
        apexes = self._origin_labels, REVERSE_V4, REVERSE_V6
        stubs = [labels_of(wire_of(each)) for each in config.stub_domains]
        self._takes_any_class = bool(config.upstreams)
        self._delegated = [each for each in stubs if any(is_below(each, apex) for apex in apexes)]

    @property
    def records(self) -> Records:
        """What the zone is made from."""
        return self._records

    @property
    def serial(self) -> int:
        """The version of the zone."""
        return self._zone.serial & 0xFFFFFFFF

    def is_apex(self, labels: Labels) -> bool:
        """Tell whether a name is that of the zone itself."""
        return labels == self._origin_labels

    def look_up(self, name: bytes, qtype: int) -> tuple[Record, ...]:
        """Return the records at a name of the zone; an alias is not followed to elsewhere."""
        found = self._find(name, labels_of(name), qtype, [], 0)
        return found.answers if found else ()

    def answer(self, query: Query) -> Answer:
        """Answer any query."""
        if query.qclass != CLASS_IN and not self._takes_any_class:
            return _REFUSED
        if self._is_ours(query.labels):
            return _REFUSED if query.type in TRANSFERS else self._answer_zone(query)
        if query.labels[-2:] in (REVERSE_V4, REVERSE_V6) and not self._is_delegated(query.labels):
            return _REFUSED if query.type in TRANSFERS else self._answer_reverse(query)
        addresses = self._hosts.get(query.labels)
        if addresses is not None:
            return Answer(RCode.NOERROR, self._addresses(query.name, addresses, query.type))
        return Answer(RCode.REFUSED, is_authoritative=False, is_outside=True)

    def _is_ours(self, labels: Labels) -> bool:
        is_below_origin = labels[-len(self._origin_labels) :] == self._origin_labels
        return is_below_origin and not (self._delegated and self._is_delegated(labels))

    def _is_delegated(self, labels: Labels) -> bool:
        return any(is_below(labels, each) for each in self._delegated)

    def _answer_zone(self, query: Query) -> Answer:
        owners: list[Owner] = []
        origin = query.name[-len(self._origin) :]
        found = self._find(query.name, query.labels, query.type, owners, 0)
        if found is None:
            is_denied = query.type != QType.SOA
            return self._missing(origin, owners) if is_denied else self._negative(RCode.NOERROR, origin, owners)
        if not found.answers and found.follow is None:
            return self._negative(RCode.NOERROR, origin, owners)
        return Answer(RCode.NOERROR, found.answers, (), found.additional, tuple(owners), follow=found.follow)

    def _missing(self, origin: bytes, owners: list[Owner]) -> Answer:
        return self._negative(RCode.NXDOMAIN if self._zone.has_synced else RCode.SERVFAIL, origin, owners)

    def _negative(self, rcode: RCode, origin: bytes, owners: list[Owner]) -> Answer:
        return Answer(rcode, authority=(self._soa(origin),), owners=tuple(owners))

    def _soa(self, origin: bytes) -> Record:
        numbers = struct.pack(">5I", self.serial, *SOA_TIMES, self._ttl)
        rdata = b"\x02ns\x03dns" + origin + b"\x0ahostmaster" + origin + numbers
        return Record(origin, QType.SOA, min(self._ttl, MAX_SOA_TTL), rdata)

    def _find(self, name: bytes, labels: Labels, qtype: int, owners: list[Owner], depth: int) -> Found | None:
        """Look up a name of the zone, ``depth`` aliases into a chase; notes in ``owners`` what was looked at."""
        parsed = parse_name(labels[: -len(self._origin_labels)])
        if parsed is None:
            return self._find_fixed(name, labels, qtype, owners)
        if not parsed.namespace:
            return _exists(qtype)
        owners.append(("namespace", parsed.namespace, b""))
        if parsed.namespace not in self._records.namespaces or (parsed.kind == b"pod" and self._pods == "disabled"):
            return None
        if not parsed.service:
            return _exists(qtype)
        if parsed.kind == b"pod":
            return self._find_pod(name, parsed, qtype, owners)
        return self._find_service(name, parsed, qtype, owners, depth)

    def _find_fixed(self, name: bytes, labels: Labels, qtype: int, owners: list[Owner]) -> Found | None:
        match labels[: -len(self._origin_labels)]:
            case ():
                return self._find_apex(name, qtype, owners)
            case (b"dns-version",) if qtype == QType.TXT:
                record = Record(name, QType.TXT, SCHEMA_TTL, bytes((len(SCHEMA_VERSION),)) + SCHEMA_VERSION)
                return Found((record,))
            case (b"ns", b"dns") if qtype not in (QType.TXT, QType.PTR):
                _, addresses = self._name_server(name[-len(self._origin) :], owners)
                return Found(self._addresses(name, addresses, qtype))
        return None

    def _find_apex(self, name: bytes, qtype: int, owners: list[Owner]) -> Found | None:
        if qtype == QType.SOA:
            owners.append(SERIAL)
            return Found((self._soa(name),))
        if qtype != QType.NS:
            return _exists(qtype)
        server, addresses = self._name_server(name, owners)
        return Found((Record(name, QType.NS, self._ttl, server),), self._glue((server, each) for each in addresses))

    def _name_server(self, origin: bytes, owners: list[Owner]) -> tuple[bytes, Sequence[bytes]]:
        """Return the zone's name server and its addresses (CoreDNS ``plugin/kubernetes/ns.go``)."""
        if self._cluster_dns is not None:
            owners.append(("service", *self._cluster_dns))
            service = self._records.services.get(self._cluster_dns)
            if service and service.cluster_ips:
                return service_name(self._cluster_dns, origin), service.cluster_ips
        return b"\x02ns\x03dns" + origin, self._bound

    def _find_pod(self, name: bytes, parsed: ZoneName, qtype: int, owners: list[Owner]) -> Found | None:
        address = pod_address(parsed.service)
        if address is None:
            return None
        if self._pods == "verified":
            # CoreDNS compares the text of the label, not the address: an expanded spelling finds nothing.
            text = parsed.service.decode().replace("-", "." if len(address) == 4 else ":")
            owners.append(("pod", parsed.namespace, text.encode()))
            if not self._records.has_pod(parsed.namespace, text):
                return None
        if qtype == QType.SRV:
            labels = parsed.service, parsed.namespace, b"pod"
            target = b"".join(bytes((len(each),)) + each for each in labels) + name[-len(self._origin) :]
            return self._services(name, [Target(target, 0, address)])
        return Found(self._addresses(name, (address,), qtype))

    def _find_service(self, name: bytes, parsed: ZoneName, qtype: int, owners: list[Owner], depth: int) -> Found | None:
        key = parsed.namespace, parsed.service
        owners.append(("service", *key))
        service = self._records.services.get(key)
        if service is None:
            return None
        if service.external_name is not None:
            if not service.external_name or parsed.endpoint or parsed.port:
                return None
            return self._find_alias(name, service.external_name, qtype, owners, depth)
        if service.is_headless or parsed.endpoint or self._ignores_empty:
            owners.append(("endpoints", *key))
        if service.is_headless or parsed.endpoint:
            return self._find_endpoints(name, key, parsed, qtype)
        return self._find_cluster_ips(name, service, parsed, qtype)

    def _find_cluster_ips(self, name: bytes, service: ServiceRecord, parsed: ZoneName, qtype: int) -> Found | None:
        key, ports = (parsed.namespace, parsed.service), _matching(service.ports, parsed)
        if (parsed.port and not ports) or (self._ignores_empty and not self._records.has_endpoints(key)):
            return None
        if qtype != QType.SRV:
            return Found(self._addresses(name, service.cluster_ips, qtype))
        target = service_name(key, name[-len(self._origin) :])
        targets = [Target(target, port.number, each) for each in service.cluster_ips for port in ports]
        return self._services(name, targets)

    def _find_endpoints(self, name: bytes, key: ServiceKey, parsed: ZoneName, qtype: int) -> Found | None:
        """Look up a name that stands for endpoints, each with those of its ports that are meant."""
        found = [
            (endpoint, ports)
            for each in self._records.slices_of(key)
            if (ports := _matching(each.ports or (_PORTLESS,), parsed))
            for endpoint in each.endpoints
            if not parsed.endpoint or endpoint.label == parsed.endpoint
        ]
        if not found:
            return None
        if qtype != QType.SRV:
            return Found(self._addresses(name, dict.fromkeys(each.address for each, _ in found), qtype))
        origin = service_name(key, name[-len(self._origin) :])
        targets = [
            Target(bytes((len(each.label),)) + each.label + origin, port.number, each.address)
            for each, ports in found
            for port in ports
        ]
        return self._services(name, targets)

    def _find_alias(self, name: bytes, target: bytes, qtype: int, owners: list[Owner], depth: int) -> Found:
        """Answer at an ExternalName: the alias, and for addresses where it leads."""
        alias = Record(name, QType.CNAME, self._ttl, target)
        if qtype == QType.CNAME:
            return Found((alias,))
        if qtype not in _ADDRESS_LENGTH or depth == MAX_CHASE:
            return Found()
        labels = labels_of(target)
        if self._is_ours(labels):
            found = self._find(target, labels, qtype, owners, depth + 1)
            if found is None or not (found.answers or found.follow):
                return Found()
            return Found((alias, *found.answers), follow=found.follow)
        addresses = self._hosts.get(labels)
        if addresses is not None:
            return Found((alias, *self._addresses(target, addresses, qtype)))
        return Found((alias,), follow=Follow(target, qtype))

    def _services(self, name: bytes, targets: list[Target]) -> Found:
        """Answer SRV: one per target and port, weighted by the number of targets before equal ones are merged."""
        weight = max(1, 100 // len(targets)) if targets else 1
        shown = [each for each in targets if each.port != NO_PORT]
        return Found(
            tuple(
                Record(name, QType.SRV, self._ttl, struct.pack(">HHH", 0, weight, port) + target)
                for target, port in dict.fromkeys((each.name, each.port) for each in shown)
            ),
            self._glue(dict.fromkeys((each.name, each.address) for each in shown)),
        )

    def _addresses(self, name: bytes, addresses: Iterable[bytes], qtype: int) -> tuple[Record, ...]:
        length = _ADDRESS_LENGTH.get(qtype)  # type: ignore[call-overload]  # any int may be asked for
        return tuple([Record(name, qtype, self._ttl, each) for each in addresses if len(each) == length])

    def _glue(self, pairs: Iterable[tuple[bytes, bytes]]) -> tuple[Record, ...]:
        return tuple(Record(name, QType.A if len(each) == 4 else QType.AAAA, self._ttl, each) for name, each in pairs)

    def _answer_reverse(self, query: Query) -> Answer:
        """Answer below in-addr.arpa and ip6.arpa; an address that is not the cluster's is an upstream's matter."""
        apex = query.name[-sum(map(len, query.labels[-2:])) - 3 :]
        owners: list[Owner] = []
        if len(query.labels) == 2:
            found = self._find_apex(apex, query.type, owners)
            if found is None:
                return self._missing(apex, owners)._replace(is_outside=True)
            if not found.answers:
                return self._negative(RCode.NOERROR, apex, owners)
            return Answer(RCode.NOERROR, found.answers, (), found.additional, tuple(owners))
        if query.type == QType.SOA:
            return self._negative(RCode.NOERROR, apex, owners)
        address = reverse_address(query.labels)
        if address:
            owners.append(("address", address, b""))
        names = self._names_at(address) if address and query.type == QType.PTR else ()
        if not names:
            return self._missing(apex, owners)._replace(is_outside=True)
        answers = tuple(Record(query.name, QType.PTR, self._ttl, each) for each in names)
        return Answer(RCode.NOERROR, answers, owners=tuple(owners))

    def _names_at(self, address: bytes) -> Sequence[bytes]:
        """Return the names of an address: its Service's one, else those of its endpoints, else those of ``hosts``."""
        key = self._records.service_at(address)
        if key is not None:
            return (service_name(key, self._origin),)
        endpoints = self._records.endpoints_at(address)
        names = dict.fromkeys(
            bytes((len(endpoint.label),)) + endpoint.label + service_name(service, self._origin)
            for service, endpoint in endpoints
        )
        return tuple(names) or self._hosts_at.get(address, ())


def _exists(qtype: int) -> Found | None:
    """Return what is at a name that has no records of its own: nothing, and for TXT CoreDNS says not even the name."""
    return None if qtype == QType.TXT else Found()


_PORTLESS = PortRecord(b"", b"", NO_PORT)


def _matching(ports: Sequence[PortRecord], parsed: ZoneName) -> Sequence[PortRecord]:
    if not parsed.port:
        return ports
    return [each for each in ports if each.name == parsed.port and each.protocol == parsed.protocol]


def service_name(key: ServiceKey, origin: bytes) -> bytes:
    """Return the name of a Service on the wire; ``origin`` is the zone's."""
    namespace, name = key
    return b"%c%b%c%b\x03svc%b" % (len(name), name, len(namespace), namespace, origin)


def _packed(addresses: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(each for each in map(packed_address, addresses) if each)


def _names_at(hosts: Mapping[str, tuple[str, ...]]) -> dict[bytes, tuple[bytes, ...]]:
    found: dict[bytes, tuple[bytes, ...]] = {}
    for name, addresses in hosts.items():
        for each in _packed(addresses):
            found[each] = (*found.get(each, ()), wire_of(name))
    return found

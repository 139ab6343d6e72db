"""Lookups in the zone: the records at a name, or why there are none. Pure; reads like the specification on purpose.

Follows the Kubernetes DNS specification 1.1.0 and, where that is silent, CoreDNS' ``kubernetes`` with ``pods
insecure``. CoreDNS departs from RFC 1034 and RFC 8020 in places, and is followed there: ``_tcp.svc...`` is a name of an
endpoint and so NXDOMAIN, as are ``<ns>.pod`` when pods are disabled, ``dns.<zone>``, TXT at a name that is no Service's
or pod's, and other types at ``dns-version``; labels left of a pod's are ignored; an alias without records at its
target inside the zone is NODATA, without the CNAME.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubedns.config import DNSConfig
from kubedns.names import labels_of, parse_name, pod_address
from kubedns.records import NO_PORT, PortRecord, ServiceKey, ServiceRecord
from kubedns.rrsets import ADDRESS_BYTES, Target, address_records, glue, service_name, soa_record, srv_records
from kubedns.types import SERIAL, Asked, Follow, Found, Labels, Missing, Owner, QType, Record, Why, ZoneName
from kubedns.zone import Zone
from kubedns.zones import Zones

SCHEMA_VERSION = b"1.1.0"
SCHEMA_TTL = 28800
MAX_CHASE = 10
"""Aliases that are followed inside the zone."""

_KINDS = (b"svc", b"pod")
_SRV = QType.SRV  # a member of an Enum is read five times as slowly as a global
_NO_NAMESPACE, _NO_SERVICE = Missing(Why.NO_NAMESPACE), Missing(Why.NO_SERVICE)  # of every search path's misses


class ZoneLookup:
    """Looks names up in a Zone. ``hosts`` are names outside it with packed addresses, for aliases that lead there.

    ``bound`` are the packed addresses where the server listens: the zone's name server while its Service is missing.
    """

    def __init__(self, zone: Zone, config: DNSConfig, hosts: Mapping[Labels, tuple[bytes, ...]]) -> None:
        self.records = zone.records
        self.zones = Zones(config)
        self.bound: tuple[bytes, ...] = ()
        self._zone = zone
        self._hosts = hosts
        self._ttl = config.ttl
        self._minimum = config.ttl if config.soa_minimum is None else config.soa_minimum
        self._hosts_ttl = config.ttl if config.hosts_ttl is None else config.hosts_ttl
        self._pods = config.pods
        self._ignores_empty = config.ignores_empty_services
        self._cluster_dns: ServiceKey | None = None
        if config.cluster_dns:
            self._cluster_dns = config.cluster_dns.namespace.lower().encode(), config.cluster_dns.name.lower().encode()

    @property
    def serial(self) -> int:
        """The version of the zone."""
        return self._zone.serial & 0xFFFFFFFF

    def asked(self, name: bytes, labels: Labels, qtype: int, owners: list[Owner], aliases: int = 0) -> Asked:
        """Return what is asked for with a name for which ``zones.has`` holds; ``find`` adds to ``owners``."""
        origin, below = self.zones.split(name, labels)
        return Asked(name, origin, below, parse_name(below), qtype, owners, aliases)

    def records_at(self, name: bytes, qtype: int) -> tuple[Record, ...]:
        """Return the records at a name of the zone; an alias is not followed to elsewhere."""
        found = self.find(self.asked(name, labels_of(name), qtype, []))
        return found.answers if isinstance(found, Found) else ()

    def find(self, asked: Asked) -> Found | Missing:
        """Look a name of the zone up; ``asked.owners`` gets what was looked at."""
        parsed = asked.parsed
        if parsed is None:
            return self._find_fixed(asked)
        if not parsed.namespace:
            return _exists(asked.qtype, Why.KIND)
        asked.owners.append(("namespace", parsed.namespace, b""))
        if parsed.namespace not in self.records.namespaces:
            return _NO_NAMESPACE
        if parsed.kind == b"pod" and self._pods == "disabled":
            return Missing(Why.PODS_DISABLED)
        if not parsed.service:
            return _exists(asked.qtype, Why.NAMESPACE)
        return self._find_pod(asked, parsed) if parsed.kind == b"pod" else self._find_service(asked, parsed)

    def soa(self, origin: bytes) -> Record:
        """Return the start of authority of the zone, or of a reverse zone."""
        return soa_record(origin, self.serial, self._ttl, self._minimum)

    def find_apex(self, name: bytes, qtype: int, owners: list[Owner]) -> Found | Missing:
        """Look up the name of the zone itself, or of a reverse zone."""
        if qtype == QType.SOA:
            owners.append(SERIAL)
            return Found(Why.APEX, (self.soa(name),))
        if qtype != QType.NS:
            return _exists(qtype, Why.APEX)
        servers = self._name_servers(name, owners)
        names = dict.fromkeys(server for server, _ in servers)
        return Found(
            Why.APEX, tuple(Record(name, QType.NS, self._ttl, each) for each in names), glue(servers, self._ttl)
        )

    def _find_fixed(self, asked: Asked) -> Found | Missing:
        name, qtype = asked.name, asked.qtype
        match asked.labels:
            case ():
                return self.find_apex(name, qtype, asked.owners)
            case (b"dns-version",):
                record = Record(name, QType.TXT, SCHEMA_TTL, bytes((len(SCHEMA_VERSION),)) + SCHEMA_VERSION)
                return Found(Why.APEX, (record,)) if qtype == QType.TXT else Missing(Why.APEX)
            case (b"ns", b"dns"):
                if qtype in (QType.TXT, QType.PTR):
                    return Missing(Why.APEX)
                addresses = [address for _, address in self._name_servers(asked.origin, asked.owners)]
                return Found(Why.APEX, address_records(name, addresses, qtype, self._ttl))
        return Missing(Why.TOO_MANY_LABELS if asked.labels[-1] in _KINDS else Why.UNKNOWN_KIND)

    def _name_servers(self, origin: bytes, owners: list[Owner]) -> Sequence[tuple[bytes, bytes]]:
        """Return the zone's name servers, each name with an address (CoreDNS ``plugin/kubernetes/ns.go``).

        They are the Services with this server among their endpoints, or the one that is configured.
        """
        if self._cluster_dns is not None:
            keys = [self._cluster_dns]
        else:
            owners += (("address", each, b"") for each in self.bound)
            keys = list(dict.fromkeys(key for each in self.bound for key, _ in self.records.endpoints_at(each)))
        owners += (("service", *key) for key in keys)
        found = [
            (service_name(key, origin), address)
            for key in keys
            if (service := self.records.services.get(key)) is not None
            for address in service.cluster_ips
        ]
        return found or [(b"\x02ns\x03dns" + origin, each) for each in self.bound]

    def _find_pod(self, asked: Asked, parsed: ZoneName) -> Found | Missing:
        address = pod_address(parsed.service)
        if address is None:
            return Missing(Why.NO_ADDRESS)
        if self._pods == "verified":
            # CoreDNS compares the text of the label, not the address: an expanded spelling finds nothing.
            text = parsed.service.decode().replace("-", "." if len(address) == 4 else ":")
            asked.owners.append(("pod", parsed.namespace, text.encode()))
            if not self.records.has_pod(parsed.namespace, text):
                return Missing(Why.NO_POD)
        if asked.qtype == _SRV:
            labels = parsed.service, parsed.namespace, b"pod"
            target = b"".join(bytes((len(each),)) + each for each in labels) + asked.origin
            return Found(Why.POD, *srv_records(asked.name, [Target(target, 0, address)], self._ttl))
        return Found(Why.POD, address_records(asked.name, (address,), asked.qtype, self._ttl))

    def _find_service(self, asked: Asked, parsed: ZoneName) -> Found | Missing:
        key = parsed.namespace, parsed.service
        asked.owners.append(("service", *key))
        service = self.records.services.get(key)
        if service is None:
            return _NO_SERVICE
        if service.external_name is not None:
            return self._find_alias(asked, parsed, service.external_name)
        if service.is_headless or parsed.endpoint or self._ignores_empty:
            asked.owners.append(("endpoints", *key))
        if service.is_headless or parsed.endpoint:
            return self._find_endpoints(asked, parsed)
        return self._find_cluster_ips(asked, parsed, service)

    def _find_cluster_ips(self, asked: Asked, parsed: ZoneName, service: ServiceRecord) -> Found | Missing:
        key, ports = (parsed.namespace, parsed.service), _matching(service.ports, parsed)
        if parsed.port and not ports:
            return Missing(Why.NO_PORT)
        if self._ignores_empty and not self.records.has_endpoints(key):
            return Missing(Why.LEFT_OUT)
        why = Why.PORT if parsed.port else Why.CLUSTER_IP
        if asked.qtype != _SRV:
            return Found(why, address_records(asked.name, service.cluster_ips, asked.qtype, self._ttl))
        target = service_name(key, asked.origin)
        targets = [Target(target, port.number, each) for each in service.cluster_ips for port in ports]
        return Found(why, *srv_records(asked.name, targets, self._ttl))

    def _find_endpoints(self, asked: Asked, parsed: ZoneName) -> Found | Missing:
        """Look up a name that stands for endpoints, each with those of its ports that are meant."""
        key = parsed.namespace, parsed.service
        found = [
            (endpoint, ports)
            for each in self.records.slices_of(key)
            if (ports := _matching(each.ports or (_PORTLESS,), parsed))
            for endpoint in each.endpoints
            if not parsed.endpoint or endpoint.label == parsed.endpoint
        ]
        if not found:
            return Missing(
                Why.NO_ENDPOINT if parsed.endpoint else Why.NO_PORT if parsed.port else Why.NO_READY_ENDPOINT
            )
        why = Why.ENDPOINT if parsed.endpoint else Why.PORT if parsed.port else Why.HEADLESS
        if asked.qtype != _SRV:
            addresses = dict.fromkeys(each.address for each, _ in found)
            return Found(why, address_records(asked.name, addresses, asked.qtype, self._ttl))
        origin = service_name(key, asked.origin)
        targets = [
            Target(bytes((len(each.label),)) + each.label + origin, port.number, each.address)
            for each, ports in found
            for port in ports
        ]
        return Found(why, *srv_records(asked.name, targets, self._ttl))

    def _find_alias(self, asked: Asked, parsed: ZoneName, target: bytes) -> Found | Missing:
        """Answer at an ExternalName: the alias, and for addresses where it leads."""
        if not target:
            return Missing(Why.INVALID_ALIAS)
        if parsed.endpoint or parsed.port:
            return Missing(Why.BELOW_ALIAS)
        alias = Record(asked.name, QType.CNAME, self._ttl, target)
        if asked.qtype == QType.CNAME:
            return Found(Why.ALIAS, (alias,))
        if asked.qtype not in ADDRESS_BYTES or asked.aliases == MAX_CHASE:
            return Found(Why.ALIAS_WITHOUT_TARGET)
        return self._chase(asked, alias)

    def _chase(self, asked: Asked, alias: Record) -> Found:
        """Follow an alias to its target's addresses: inside the zone, to a host, or to an upstream."""
        target, qtype = alias.rdata, asked.qtype
        labels = labels_of(target)
        if self.zones.has(labels):
            found = self.find(self.asked(target, labels, qtype, asked.owners, asked.aliases + 1))
            if isinstance(found, Missing) or not (found.answers or found.follow):
                return Found(Why.ALIAS_WITHOUT_TARGET)
            why = Why.ALIAS_OUTSIDE if found.follow else Why.ALIAS
            return Found(why, (alias, *found.answers), follow=found.follow)
        addresses = self._hosts.get(labels)
        if addresses is not None:
            return Found(Why.ALIAS, (alias, *address_records(target, addresses, qtype, self._hosts_ttl)))
        return Found(Why.ALIAS_OUTSIDE, (alias,), follow=Follow(target, qtype))


def _exists(qtype: int, why: Why) -> Found | Missing:
    """Return what is at a name that has no records of its own: nothing, and for TXT CoreDNS denies even the name."""
    return Missing(why) if qtype == QType.TXT else Found(why)


_PORTLESS = PortRecord(b"", b"", NO_PORT)


def _matching(ports: Sequence[PortRecord], parsed: ZoneName) -> Sequence[PortRecord]:
    if not parsed.port:
        return ports
    return [each for each in ports if each.name == parsed.port and each.protocol == parsed.protocol]

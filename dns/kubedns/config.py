"""The settings of the name server, and reading resolv.conf for its default upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubedns.names import packed_address, wire_of
from kubehost.addresses import LOCALHOST, Address

MAX_TTL = 3600
"""Seconds; the limit of CoreDNS's ``ttl`` option."""

KUBE_DNS = ObjectKey("kube-system", "kube-dns")
"""The Service that every cluster has for its name server."""

DNS_PORT = 53
ROOT = "."
"""The domain of every name."""

POLICIES = ("random", "round_robin", "sequential")
REVERSE_ZONES = ("in-addr.arpa", "ip6.arpa")


class Retention(NamedTuple):
    """How long, in seconds, replies of upstreams are kept, and how many (CoreDNS ``plugin/cache``).

    Every TTL in such a reply is its lowest one, within the bounds. ``unkept_successes`` and ``unkept_denials`` are
    domains whose replies are not kept.
    """

    success_capacity: int = 9984
    success_ttl: int = 3600
    success_least: int = 5
    denial_capacity: int = 9984
    denial_ttl: int = 1800
    denial_least: int = 5
    failure_ttl: float = 5.0
    unkept_successes: tuple[str, ...] = ()
    unkept_denials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """The upstreams of a domain, and how they are asked (CoreDNS ``plugin/forward``)."""

    servers: tuple[Address, ...] = ()
    """Without one, the names in the domain are refused."""

    policy: str = "random"
    """In which order they are asked, of POLICIES."""

    max_concurrent: int = 1000
    """Queries that may wait for them at once; more are refused (the stock Corefile's). 0 is no limit."""

    max_fails: int = 2
    """Failed probes in a row after which an upstream counts as down; 0 for never."""

    probe_interval: float = 0.5
    """Seconds between two probes of an upstream that has failed to answer; 0 for no probes."""

    timeout: float = 2.0
    """Seconds to wait for one upstream."""

    is_tcp_only: bool = False
    """Whether they are asked over TCP alone."""

    retention: Retention | None = None
    """How long their replies are kept; None: not at all."""

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"policy must be one of {', '.join(POLICIES)}, not {self.policy!r}")


@dataclass(frozen=True, slots=True)
class DNSConfig:
    """The settings of a DNSServer; ValueError for invalid ones."""

    zone: str = "cluster.local"

    addresses: tuple[Address, ...] = ((LOCALHOST, 53),)
    """Where to listen, UDP and TCP each; port 0 takes any port that is free for both."""

    ttl: int = 5
    """Seconds, 0 to 3600, of every record, negative answers included. CoreDNS's default (stock Corefiles say 30)."""

    soa_minimum: int | None = None
    """Seconds, in the SOA record; None: ``ttl`` (that may be lowered by CoreDNS's ``cache``, which leaves this)."""

    pods: str = "insecure"
    """Whether a-b-c-d.ns.pod.<zone> answers: never, always (as in every stock Corefile), or for a live pod's IP."""

    other_zones: tuple[str, ...] = ()
    """Further zones with the same names; those of addresses (PTR) are in ``zone``."""

    reverse_zones: tuple[str, ...] = REVERSE_ZONES
    """The zones below in-addr.arpa and ip6.arpa in which the cluster's addresses have names."""

    fallthrough: tuple[str, ...] = REVERSE_ZONES
    """Zones in which an upstream is asked for a name that the cluster does not have (as in every stock Corefile)."""

    namespaces: tuple[str, ...] = ()
    """The only namespaces that have names, () for all (CoreDNS's ``namespaces``)."""

    names_endpoints_by_pod: bool = False
    """Whether endpoints without a hostname have their pod's name (CoreDNS's ``endpoint_pod_names``)."""

    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further names with their addresses, which go before all others (CoreDNS ``plugin/hosts``)."""

    hosts_ttl: int | None = None
    """Seconds; None: as all others, so that a changed configuration is seen (CoreDNS: 3600)."""

    has_reverse_hosts: bool = True
    """Whether the addresses of ``hosts`` have names."""

    forwards: Mapping[str, Forward] = field(default_factory=dict)
    """The upstreams for the names in each domain, "." for all others; the longest domain goes first."""

    delegated: tuple[str, ...] = ()
    """Domains below a zone in which the cluster has no names (that have a server block of their own in a Corefile)."""

    server_zones: tuple[str, ...] = ()
    """Domains in which a name without an upstream is SERVFAIL, not REFUSED (CoreDNS: a block without ``forward``)."""

    cluster_dns: ObjectKey | None = KUBE_DNS
    """The Service of this server, the zone's NS; None: any that has one of this server's addresses as an endpoint.

    Until there is one, the NS is ns.dns.<zone> with this server's addresses.
    """

    own_addresses: tuple[str, ...] = ()
    """This server's addresses, () for those where it listens."""

    has_endpoints: bool = True
    """Whether endpoints have names, and headless Services addresses; False is CoreDNS's ``noendpoints``."""

    ignores_empty_services: bool = False
    """Whether a cluster IP without ready endpoints has no name (CoreDNS's ``ignore empty_service``)."""

    allows_transfer: bool = False
    """Whether any client may have the whole zone, over TCP (CoreDNS's ``transfer { to * }``)."""

    max_connections: int = 256
    """TCP connections that may be open at once; for one more, the connection that is idle for longest is closed."""

    idle_timeout: float = 8.0
    """Seconds after which a TCP connection without a complete query is closed (the default of miekg/dns)."""

    def __post_init__(self) -> None:
        wire_of(self.zone)
        if not 0 <= self.ttl <= MAX_TTL:
            raise ValueError(f"ttl must be between 0 and {MAX_TTL} seconds, not {self.ttl}")
        if self.pods not in ("disabled", "insecure", "verified"):
            raise ValueError(f"pods must be disabled, insecure or verified, not {self.pods!r}")
        if self.ignores_empty_services and not self.has_endpoints:
            raise ValueError("ignores_empty_services needs has_endpoints: without endpoints every Service is empty")
        for domain in (*self.forwards, *self.other_zones, *self.reverse_zones, *self.fallthrough, *self.delegated):
            wire_of(domain)
        for domain in self.server_zones:
            wire_of(domain)
        for name, addresses in self.hosts.items():
            wire_of(name)
            for each in addresses:
                if packed_address(each) is None:
                    raise ValueError(f"hosts: {name}: {each!r} is no IP address")


def read_server(text: str) -> Address:
    """Read ``host``, ``host:port``, ``IPv6`` or ``[IPv6]:port``; ValueError for what has no port behind its colon."""
    if text.count(":") == 1 or text.startswith("["):
        host, _, port = text.rpartition(":")
        return host.strip("[]"), int(port)
    return text, DNS_PORT


def read_resolv_conf(text: str) -> tuple[Address, ...]:
    """Return the name servers of a resolv.conf(5), in order, each once; what is no address is passed over."""
    found: dict[Address, None] = {}
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                try:
                    ip_address(address)
                except ValueError:
                    continue
                found[address, DNS_PORT] = None
    return tuple(found)

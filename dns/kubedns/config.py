"""The settings of the name server, and reading resolv.conf for its default upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from kubeapi.meta import ObjectKey
from kubedns.names import packed_address, wire_of
from kubehost.addresses import LOCALHOST, Address

MAX_TTL = 3600
"""Seconds; the limit of CoreDNS's ``ttl`` option."""

KUBE_DNS = ObjectKey("kube-system", "kube-dns")
"""The Service that every cluster has for its name server."""


@dataclass(frozen=True, slots=True)
class DNSConfig:
    """The settings of a DNSServer; ValueError for invalid ones."""

    zone: str = "cluster.local"

    addresses: tuple[Address, ...] = ((LOCALHOST, 53),)
    """Where to listen, UDP and TCP each; port 0 takes any port that is free for both."""

    ttl: int = 5
    """Seconds, 0 to 3600, of every record, negative answers included. CoreDNS's default (stock Corefiles say 30)."""

    pods: str = "insecure"
    """Whether a-b-c-d.ns.pod.<zone> answers: never, always (as in every stock Corefile), or for a live pod's IP."""

    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names outside the zone with their addresses."""

    upstreams: tuple[Address, ...] = ()
    """Name servers for all other names; without one these are refused."""

    stub_domains: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    """Name servers, in place of the upstreams, for the names in a domain (a server block of its own in a Corefile).

    In a domain below the zone, or below in-addr.arpa or ip6.arpa, the cluster then has no names.
    """

    cluster_dns: ObjectKey | None = KUBE_DNS
    """The Service of this server, the zone's NS. Until it exists, the NS is ns.dns.<zone> with the bound addresses."""

    has_endpoints: bool = True
    """Whether endpoints have names, and headless Services addresses; False is CoreDNS's ``noendpoints``."""

    ignores_empty_services: bool = False
    """Whether a cluster IP without ready endpoints has no name (CoreDNS's ``ignore empty_service``)."""

    allows_transfer: bool = False
    """Whether any client may have the whole zone, over TCP (CoreDNS's ``transfer { to * }``)."""

    upstream_timeout: float = 2.0
    """Seconds to wait for one upstream (CoreDNS ``forward``)."""

    max_concurrent: int = 1000
    """Queries that may wait for upstreams at once; more are refused (the stock Corefile's ``max_concurrent``)."""

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
        for domain in self.stub_domains:
            wire_of(domain)
        for name, addresses in self.hosts.items():
            wire_of(name)
            for each in addresses:
                if packed_address(each) is None:
                    raise ValueError(f"hosts: {name}: {each!r} is no IP address")


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
                found[address, 53] = None
    return tuple(found)

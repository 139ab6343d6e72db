"""From server blocks to the settings of one name server, or why there are none. Pure, but for ``Files``.

The blocks of a Corefile must answer in the same places, and one of them have the cluster's names; the others are stub
domains. What a plugin does between others follows the order of CoreDNS (``core/dnsserver/zdirectives.go``): hosts, then
kubernetes, then forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from kubedns.config import DNSConfig, read_resolv_conf
from kubehost.addresses import Address
from kubesvc.remote.corefile.forwarding import compose_forwards
from kubesvc.remote.corefile.grammar import Files
from kubesvc.remote.corefile.model import (
    Bind,
    Cache,
    Forward,
    Health,
    Hosts,
    Kubernetes,
    Prometheus,
    Ready,
    Reload,
    Server,
    Transfer,
)
from kubesvc.remote.corefile.names import ROOT, is_in, is_reverse
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.plugins.forward import is_file
from kubesvc.remote.corefile.plugins.hosts import merged, names_of_file
from kubesvc.remote.corefile.values import read_upstream

MAX_CONNECTIONS = 10_000
"""Connections of clients over TCP; a whole cluster asks, and each pod may keep one. CoreDNS has no limit."""

EVERYWHERE = ""
"""The host of every address of this machine."""

T = TypeVar("T")


class Composed(NamedTuple):
    """The settings of `kubesvc dns`. An address "" stands for every address of this machine."""

    dns: DNSConfig
    kubernetes: Kubernetes
    hosts: tuple[Hosts, ...] = ()
    health: tuple[Health, ...] = ()
    ready: tuple[Ready, ...] = ()
    prometheus: tuple[Prometheus, ...] = ()
    reload: Reload | None = None

    @property
    def lameduck(self) -> float:
        """Seconds to go on answering after the request to stop."""
        return max((each.lameduck for each in self.health), default=0.0)

    def hosts_from(self, files: Files) -> dict[str, tuple[str, ...]]:
        """Return the names of ``hosts``: those of the Corefile, and of the files as they are now."""
        return names_of(self.hosts, files)


def names_of(hosts: Sequence[Hosts], files: Files) -> dict[str, tuple[str, ...]]:
    """Return the names of ``hosts``: those of the Corefile, and of the files as they are now."""
    return merged(
        {name: addresses for name, addresses in found.items() if any(is_in(name, zone) for zone in each.zones)}
        for each in hosts
        for found in (each.entries, names_of_file(each, files))
    )


def compose(servers: Sequence[Server], files: Files, notes: Notes, listen: tuple[Address, ...] = ()) -> Composed:
    """Return the settings; CorefileError with all faults. ``listen`` goes before the blocks' own ports and ``bind``."""
    cluster = _cluster_block(servers, notes)
    addresses = listen or addresses_of(servers, notes)
    check_zones(servers, notes)
    forwards = compose_forwards(servers, lambda forward: upstreams_of(forward, files, notes), notes)
    hosts = tuple(hosts_of(servers, notes))
    zones = _zones(cluster, notes) if cluster is not None else ()
    notes.check()
    assert cluster is not None
    composed = _composed(servers, cluster, zones, hosts)
    others = [zone for each in servers if each is not cluster for zone in each.zones]
    dns = replace(
        composed.dns,
        addresses=addresses,
        hosts=composed.hosts_from(files),
        forwards=forwards,
        delegated=tuple(zone for zone in others if any(is_in(zone, each) for each in zones)),
        server_zones=tuple(zone for each in servers for zone in each.zones),
    )
    return composed._replace(dns=dns)


def _composed(servers: Sequence[Server], cluster: Server, zones: tuple[str, ...], hosts: tuple[Hosts, ...]) -> Composed:
    """Return the settings that one plugin alone makes."""
    return Composed(
        replace(
            _cluster_settings(cluster, zones),
            hosts_ttl=hosts[0].ttl if hosts else None,
            has_reverse_hosts=all(each.has_reverse for each in hosts),
        ),
        cluster.every(Kubernetes)[0],
        hosts,
        _every(servers, Health),
        _every(servers, Ready),
        _every(servers, Prometheus),
        next(iter(_every(servers, Reload)), None),
    )


def _every(servers: Sequence[Server], kind: type[T]) -> tuple[T, ...]:
    return tuple(found for each in servers for found in each.every(kind))


def _cluster_block(servers: Sequence[Server], notes: Notes) -> Server | None:
    """Return the block with the cluster's names."""
    blocks = [each for each in servers if each.every(Kubernetes)]
    if not servers:
        notes.faults.append("the Corefile is empty; write a server block: .:53 { kubernetes cluster.local }")
    elif not blocks:
        what = "no server block has the plugin kubernetes, so that there are no names of a cluster to serve"
        notes.fault(servers[0].at, what, "add it to one: kubernetes cluster.local in-addr.arpa ip6.arpa")
    for each in blocks[1:]:
        what = "kubernetes: another block has the cluster's names already"
        notes.fault(each.every(Kubernetes)[0].at, what, "give that one all the zones")
    return blocks[0] if blocks else None


def _cluster_settings(cluster: Server, zones: tuple[str, ...]) -> DNSConfig:
    kubernetes = cluster.every(Kubernetes)[0]
    names = [each for each in zones if not is_reverse(each)]
    return DNSConfig(
        zone=names[0],
        other_zones=tuple(names[1:]),
        reverse_zones=tuple(filter(is_reverse, zones)),
        fallthrough=kubernetes.fallthrough,
        ttl=_ttl(kubernetes.ttl, names[0], cluster.one(Cache)),
        soa_minimum=kubernetes.ttl,
        pods=kubernetes.pods,
        namespaces=kubernetes.namespaces,
        names_endpoints_by_pod=kubernetes.names_endpoints_by_pod,
        cluster_dns=None,
        has_endpoints=kubernetes.has_endpoints,
        ignores_empty_services=kubernetes.ignores_empty_services,
        allows_transfer=any(is_in(names[0], zone) for zone in _transferred(cluster)),
        max_connections=MAX_CONNECTIONS,
    )


def _zones(cluster: Server, notes: Notes) -> tuple[str, ...]:
    """Return the zones of ``kubernetes`` that its block gets queries for."""
    kubernetes = cluster.every(Kubernetes)[0]
    found = []
    for zone in kubernetes.zones or cluster.zones:
        if any(is_in(zone, each) for each in cluster.zones):
            found.append(zone)
        else:
            notes.warn(kubernetes.at, f"kubernetes: no name in {zone} comes to this block, which has other zones")
    if cluster.zones and (ROOT in found or all(map(is_reverse, found))):
        what = "kubernetes: no zone of a cluster is in those of the block"
        notes.fault(kubernetes.at, what, "name it: kubernetes cluster.local in-addr.arpa ip6.arpa")
    return tuple(found)


def _ttl(ttl: int, zone: str, cache: Cache | None) -> int:
    """Return the TTL of the cluster's names as CoreDNS' ``cache`` leaves it, even of those that it does not keep."""
    if cache is None or not any(is_in(zone, each) for each in cache.zones or (ROOT,)):
        return ttl
    return min(max(ttl, cache.success_least), cache.success_ttl)


def _transferred(cluster: Server) -> Iterator[str]:
    for each in cluster.every(Transfer):
        yield from each.zones or cluster.zones


def addresses_of(servers: Sequence[Server], notes: Notes) -> tuple[Address, ...]:
    """Return where all blocks answer."""
    found = [_places(each) for each in servers]
    for server, places in zip(servers, found, strict=True):
        if set(places) != set(found[0]):
            what = f"{server.at.text}: this block answers in other places (port or bind) than the first"
            notes.fault(server.at, what, "run a `kubesvc dns` of its own for it, or name all places by --listen")
    return found[0] if found else ()


def _places(server: Server) -> tuple[Address, ...]:
    hosts = [host for each in server.every(Bind) for host in each.addresses] or [EVERYWHERE]
    return tuple(dict.fromkeys((host, key.port) for key in server.keys for host in hosts))


def check_zones(servers: Sequence[Server], notes: Notes) -> None:
    """Note zones that two blocks have, and keys of a block with different ports."""
    seen: dict[str, Server] = {}
    for server in servers:
        if len({key.port for key in server.keys}) > 1:
            notes.fault(server.at, "the zones of this block have different ports", "write a block for each port")
        for zone in server.zones:
            if zone in seen:
                notes.fault(server.at, f"{zone}: the block at {seen[zone].at.place} has this zone", "merge the two")
            seen[zone] = server


def upstreams_of(forward: Forward, files: Files, notes: Notes) -> tuple[Address, ...]:
    """Return the addresses of upstreams, those of files too."""
    found: dict[Address, None] = {}
    for each in forward.servers:
        if not is_file(each.text):
            address = read_upstream(each.text)
            found |= {address: None} if address is not None else {}
            continue
        try:
            servers = read_resolv_conf(files.read(each.text))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            notes.fault(each, f"forward: {each.text}: {reason}", "write the address of a name server")
            continue
        if not servers:
            notes.fault(each, f"forward: {each.text} names no name server", "write the address of one")
        found |= dict.fromkeys(servers)
    return tuple(found)


def hosts_of(servers: Sequence[Server], notes: Notes) -> Iterator[Hosts]:
    """Yield the ``hosts`` plugins, each with its zones written down; notes what cannot be served."""
    ttl = 0
    for server in servers:
        plugin = server.one(Hosts)
        if plugin is None:
            continue
        zones = plugin.zones or server.zones
        is_last = server.one(Kubernetes) is None and server.one(Forward) is None
        if not is_last and not all(any(is_in(zone, each) for each in plugin.fallthrough) for zone in zones):
            what = f"hosts: every name in {', '.join(zones)} that it does not have would fail"
            notes.fault(plugin.at, what, "add the option fallthrough")
        if ttl and plugin.ttl != ttl:
            notes.fault(plugin.at, f"hosts: the other block has ttl {ttl}, and all have one", f"write ttl {ttl}")
        ttl = plugin.ttl
        yield plugin._replace(zones=zones)

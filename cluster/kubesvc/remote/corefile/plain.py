"""From server blocks without a cluster to the settings of a name server: hosts and upstreams alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubedns.config import DNSConfig
from kubehost.addresses import Address
from kubesvc.remote.corefile.composing import (
    MAX_CONNECTIONS,
    addresses_of,
    check_zones,
    hosts_of,
    names_of,
    upstreams_of,
)
from kubesvc.remote.corefile.forwarding import compose_forwards
from kubesvc.remote.corefile.grammar import Files
from kubesvc.remote.corefile.model import Health, Kubernetes, Prometheus, Ready, Reload, Server, Transfer
from kubesvc.remote.corefile.notes import Notes

_NOWHERE = "invalid"
"""A zone in which nothing is answered, as all of it is delegated: a name server of a cluster always has one."""


def compose_plain(servers: Sequence[Server], files: Files, notes: Notes, listen: tuple[Address, ...] = ()) -> DNSConfig:
    """Return the settings; CorefileError with all faults. ``listen`` goes before the blocks' own ports and ``bind``."""
    _note_what_is_missing(servers, notes)
    addresses = listen or addresses_of(servers, notes)
    check_zones(servers, notes)
    forwards = compose_forwards(servers, lambda forward: upstreams_of(forward, files, notes), notes)
    hosts = tuple(hosts_of(servers, notes))
    notes.check()
    return DNSConfig(
        zone=_NOWHERE,
        delegated=(_NOWHERE,),
        reverse_zones=(),
        fallthrough=(),
        addresses=addresses,
        hosts=names_of(hosts, files),
        hosts_ttl=hosts[0].ttl if hosts else None,
        has_reverse_hosts=all(each.has_reverse for each in hosts),
        forwards=forwards,
        server_zones=tuple(zone for each in servers for zone in each.zones),
        cluster_dns=None,
        max_connections=MAX_CONNECTIONS,
    )


def _note_what_is_missing(servers: Sequence[Server], notes: Notes) -> None:
    for server in servers:
        for kubernetes in server.every(Kubernetes):
            notes.fault(kubernetes.at, "kubernetes: no cluster is served here", "run `kubesvc dns` for that")
        for kind in (Health, Ready, Prometheus, Reload, Transfer):
            if server.every(kind):
                notes.warn(server.at, f"{kind.__name__.lower()} is without effect here")
    if not servers:
        notes.faults.append("the Corefile is empty; write a server block: .:53 { hosts }")

"""Where each address of a Service leads, for clients outside and on each node, as the proxy's rules have it. Pure.

Asks ``Rules.trace``, which is what the listeners obey.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeproxy.listeners import ListenerStatus
from kubeproxy.rules import Drop, Forward, Packet, Reject, Rules, Verdict
from kubeproxy.rules.nodes import LOCALHOST
from kubeproxy.types import Destination, Endpoint, ListenerKind, ServicePortName

OUTSIDE = "outside"
"""A client that is on no node: a shell on this machine, for instance."""


class Way(NamedTuple):
    """What clients meet who are all treated alike; ``clients`` are nodes' names and OUTSIDE."""

    clients: tuple[str, ...]
    verdict: Verdict


class Path(NamedTuple):
    """One address of a Service port. ``port`` is the one that is open on this machine; ``error`` why none is."""

    destination: Destination
    kind: ListenerKind
    port_name: ServicePortName
    port: int
    is_bound: bool
    error: str
    ways: tuple[Way, ...]


def paths_of(rules: Rules, key: ObjectKey, listeners: Iterable[ListenerStatus]) -> list[Path]:
    """Return the paths of a Service, in the order of its ports; none if the proxy leaves it alone."""
    return [_path(rules, each) for each in listeners if each.port_name.service == key]


def _path(rules: Rules, listener: ListenerStatus) -> Path:
    destination = Destination(listener.address, listener.requested_port, listener.protocol)
    ways = _ways(rules, destination, listener.port_name)
    return Path(
        destination, listener.kind, listener.port_name, listener.port, listener.is_bound, listener.error, tuple(ways)
    )


def _ways(rules: Rules, destination: Destination, port_name: ServicePortName) -> Iterator[Way]:
    """Group the clients by what they meet; another Service's address is no way."""
    claims = rules.claims.get(destination)
    if not claims or claims[0].port_name != port_name:
        return
    groups: dict[tuple[object, ...], tuple[list[str], Verdict]] = {}
    for client, source in clients_of(rules):
        verdict = rules.trace(Packet(source, destination))
        groups.setdefault(_meaning(verdict), ([], verdict))[0].append(client)
    for clients, verdict in groups.values():
        yield Way(tuple(clients), verdict)


def clients_of(rules: Rules) -> list[tuple[str, str]]:
    """Return who may ask, with a source address of each: outside first, then a node after the other."""
    nodes = [(each.name, each.sources[0].partition("/")[0]) for each in rules.nodes.all if each.sources]
    return [(OUTSIDE, LOCALHOST), *nodes]


def _meaning(verdict: Verdict) -> tuple[object, ...]:
    """Return what makes two verdicts alike, whichever node gave them."""
    match verdict:
        case Forward(endpoints=endpoints):
            return (Forward, endpoints)
        case Reject():
            return (Reject,)
        case Drop(reason):
            return (Drop, reason)


def said_endpoint(endpoint: Endpoint) -> str:
    """Return an endpoint with what is known of it: "127.244.1.2:8080 (web-1 on node-1)"."""
    place = [endpoint.target, *([f"on {endpoint.node_name}"] if endpoint.node_name else [])]
    about = " ".join(each for each in place if each)
    state = "" if endpoint.is_ready else ", terminating" if endpoint.is_terminating else ", not ready"
    return f"{endpoint.address} ({about}{state})" if about else endpoint.address


def path_document(path: Path) -> JSON:
    """Return a path for `-o json`."""
    return {
        "address": path.destination.address,
        "servicePort": path.destination.port,
        "port": path.port,
        "protocol": path.destination.protocol,
        "portName": path.port_name.port,
        "kind": path.kind.value,
        "bound": path.is_bound,
        "error": path.error,
        "ways": [_way_document(each) for each in path.ways],
    }


def _way_document(way: Way) -> JSON:
    verdict = way.verdict
    endpoints: Sequence[Endpoint] = verdict.endpoints if isinstance(verdict, Forward) else ()
    return {
        "clients": list(way.clients),
        "verdict": type(verdict).__name__.upper(),
        "reason": verdict.reason,
        "endpoints": [said_endpoint(each) for each in endpoints],
    }

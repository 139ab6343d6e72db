"""Where each address of a Service leads, for clients outside and on each node. Pure.

Asks ``Rules.decide``, as the listeners do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubehost.addresses import LOCALHOST
from kubeproxy.plane import ListenerStatus
from kubeproxy.rules import Decision, Rules, Verdict
from kubeproxy.tracing.trace import reason_of
from kubeproxy.types import Destination, Endpoint, ListenerKind, ServicePortName

OUTSIDE = "outside"
"""A client that is on no node: a shell on this machine, for instance."""


class ClientGroup(NamedTuple):
    """Clients (nodes' names and OUTSIDE) that are treated alike, and how."""

    clients: tuple[str, ...]
    decision: Decision


class Path(NamedTuple):
    """One address of a Service port. ``port`` is the one that is open on this machine, ``error`` is why none is."""

    destination: Destination
    kind: ListenerKind
    port_name: ServicePortName
    port: int
    is_bound: bool
    error: str
    groups: tuple[ClientGroup, ...]


def paths_of(rules: Rules, key: ObjectKey, listeners: Iterable[ListenerStatus]) -> list[Path]:
    """Return the paths of a Service, in the order of its ports; none if the proxy does not serve it."""
    return [_path(rules, each) for each in listeners if each.port_name.service == key]


def _path(rules: Rules, listener: ListenerStatus) -> Path:
    destination = Destination(listener.address, listener.requested_port, listener.protocol)
    groups = _groups(rules, destination, listener.port_name)
    return Path(
        destination, listener.kind, listener.port_name, listener.port, listener.is_bound, listener.error, tuple(groups)
    )


def _groups(rules: Rules, destination: Destination, port_name: ServicePortName) -> Iterator[ClientGroup]:
    """Group the clients by how they are treated; nothing for an address that another Service has."""
    claims = rules.claims.get(destination)
    if not claims or claims[0].port_name != port_name:
        return
    groups: dict[tuple[object, ...], tuple[list[str], Decision]] = {}
    for client, source in clients_of(rules):
        decision = rules.decide(source, destination)
        groups.setdefault(_meaning(decision), ([], decision))[0].append(client)
    for clients, decision in groups.values():
        yield ClientGroup(tuple(clients), decision)


def clients_of(rules: Rules) -> list[tuple[str, str]]:
    """Return the clients to consider, each with a source address: outside first, then one node after the other."""
    nodes = [(each.name, each.sources[0].partition("/")[0]) for each in rules.nodes.all if each.sources]
    return [(OUTSIDE, LOCALHOST), *nodes]


def _meaning(decision: Decision) -> tuple[object, ...]:
    """Return a key that is equal for decisions which clients cannot tell apart, whichever node they are on."""
    verdict = decision.verdict
    return verdict, decision.endpoints, reason_of(decision) if verdict is Verdict.DROP else ""


def endpoint_text(endpoint: Endpoint) -> str:
    """Return an endpoint with its pod, node and state: "127.244.1.2:8080 (web-1 on node-1)"."""
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
        "ways": [_group_document(each) for each in path.groups],
    }


def _group_document(group: ClientGroup) -> JSON:
    decision = group.decision
    return {
        "clients": list(group.clients),
        "verdict": decision.verdict.value,
        "reason": reason_of(decision),
        "closed": decision.is_closed,
        "endpoints": [endpoint_text(each) for each in decision.endpoints],
    }

"""From one set of rules to the next: compiles the Services that changed and shares the rest. Pure.

``Proxier`` calls it with the Service ports that the trackers have read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.rules.decision import Claim
from kubeproxy.rules.nodes import Nodes
from kubeproxy.rules.portrule import PortRule
from kubeproxy.rules.rules import Rules
from kubeproxy.types import Destination, ServicePortName


class Compiled(NamedTuple):
    """New rules, with the destinations and Service ports that may differ from the old ones: new, changed or gone."""

    rules: Rules
    destinations: tuple[Destination, ...]
    ports: tuple[ServicePortName, ...]


def compile_rules(old: Rules, changed: Mapping[ObjectKey, tuple[PortRule, ...]], nodes: Nodes) -> Compiled:
    """Return ``old`` with the Services in ``changed`` replaced; () removes a Service.

    Mappings that do not change are shared with ``old``: most changes are of endpoints, and copy only ``ports``.
    """
    pairs = _pairs(old, changed)
    ports = dict(old.ports)
    for name, (_, after) in pairs.items():
        if after is None:
            del ports[name]
        else:
            ports[name] = after
    by_service: Mapping[ObjectKey, tuple[ServicePortName, ...]] = old.by_service
    names = {service: tuple(rule.service_port.name for rule in rules) for service, rules in changed.items()}
    if any(by_service.get(service, ()) != each for service, each in names.items()):
        by_service = _merged(by_service, names)
    destinations = dict.fromkeys(to for pair in pairs.values() for rule in pair if rule for to, _ in rule.destinations)
    of_services = {name: pair for name, pair in pairs.items() if not name.is_pod}
    of_pods = {name: pair for name, pair in pairs.items() if name.is_pod}
    claims, pod_claims = _claims(old.claims, of_services), _claims(old.pod_claims, of_pods)
    rules = Rules(ports, claims, by_service, nodes, pod_claims, old.policies)
    return Compiled(rules, tuple(destinations), tuple(pairs))


def _merged(
    old: Mapping[ObjectKey, tuple[ServicePortName, ...]], changed: Mapping[ObjectKey, tuple[ServicePortName, ...]]
) -> dict[ObjectKey, tuple[ServicePortName, ...]]:
    """Return the names by Service without those of Services that have none; only the changed ones are looked at."""
    merged = {**old, **changed}
    for service, names in changed.items():
        if not names:
            del merged[service]
    return merged


_Pair = tuple[PortRule | None, PortRule | None]
"""A Service port's rule before and after."""


def _pairs(old: Rules, changed: Mapping[ObjectKey, tuple[PortRule, ...]]) -> dict[ServicePortName, _Pair]:
    pairs: dict[ServicePortName, _Pair] = {}
    for service, rules in changed.items():
        after = {rule.service_port.name: rule for rule in rules}
        for name in dict.fromkeys((*old.by_service.get(service, ()), *after)):
            pairs[name] = (old.ports.get(name), after.get(name))
    return pairs


def _claims(
    old: Mapping[Destination, tuple[Claim, ...]], pairs: Mapping[ServicePortName, _Pair]
) -> Mapping[Destination, tuple[Claim, ...]]:
    """Return ``old`` with the claims of the changed Service ports replaced."""
    changed = [(name, pair) for name, pair in pairs.items() if _claims_of(pair[0]) != _claims_of(pair[1])]
    if not changed:
        return old
    claims = dict(old)
    for name, (before, after) in changed:
        for _, destination in _claims_of(before):
            left = tuple(each for each in claims[destination] if each.port_name != name)
            if left:
                claims[destination] = left
            else:
                del claims[destination]
        for claim, destination in _claims_of(after):
            claims[destination] = tuple(sorted([*claims.get(destination, ()), claim]))
    return claims


def _claims_of(rule: PortRule | None) -> list[tuple[Claim, Destination]]:
    if rule is None:
        return []
    port = rule.service_port
    return [(Claim(port.age, port.name, kind), destination) for destination, kind in rule.destinations]

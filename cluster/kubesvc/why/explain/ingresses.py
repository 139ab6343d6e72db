"""The explanation of one Ingress, in the form of a Service's (see ``explaining``): no endpoints and paths. Pure.

It repeats what the proxy has compiled; it decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.ingress import Ingress, read_ingress
from kubeproxy.ingress.table import Leaf
from kubeproxy.plane import ListenerStatus
from kubeproxy.rules import Rules
from kubeproxy.types import ingress_rules_key
from kubesvc.why.explain.findings import Finding, Weight, note, problem
from kubesvc.wording import counted

_ORDER = tuple(Weight)


def explain_ingress(
    obj: JSON, rules: Rules, listeners: Sequence[ListenerStatus], problems: Sequence[str]
) -> dict[str, Any]:
    """Return the explanation of an Ingress; ``problems`` are what the proxy has found of it."""
    ingress = read_ingress(obj)
    keys = [ingress_rules_key(each) for each in ingress.addresses]
    served = [each for each in listeners if each.port_name.service in keys]
    findings = [*map(problem, problems), *_unserved(ingress, served), *_paths(ingress.key, rules, keys)]
    where = ", ".join(f"{each.host_address}:{each.port} ({each.port_name.port})" for each in served)
    return {
        "namespace": ingress.key.namespace,
        "name": ingress.key.name,
        "type": "Ingress",
        "summary": f"Ingress {ingress.key} answers at {where}." if where else f"Ingress {ingress.key} answers nowhere.",
        "healthy": not any(each.weight is Weight.PROBLEM for each in findings),
        "findings": [
            {"weight": each.weight.value, "text": each.text}
            for each in sorted(findings, key=lambda each: _ORDER.index(each.weight))
        ],
        "endpoints": [],
        "paths": [],
    }


def _unserved(ingress: Ingress, served: Sequence[ListenerStatus]) -> Iterator[Finding]:
    """Yield why an Ingress does not answer, or not everywhere."""
    yield from (problem(each.error) for each in served if each.error)
    if not served and ingress.class_name:
        yield problem(f"It is not served: its class {ingress.class_name} is none of kubesvc's")
    elif not served:
        yield problem("It is not served: it has no address yet")


def _paths(ingress: ObjectKey, rules: Rules, keys: Sequence[ObjectKey]) -> Iterator[Finding]:
    """Yield where the Ingress' paths lead."""
    names = (name for key in keys for name in rules.by_service.get(key, ())[:1])
    tables = (table for name in names if (table := rules.ports[name].ingress) is not None)
    for leaf in (leaf for table in tables for leaf in table.leaves() if leaf.ingress == ingress):
        yield from _path(leaf, rules)


def _path(leaf: Leaf, rules: Rules) -> Iterator[Finding]:
    rule = rules.ports.get(leaf.port_name) if leaf.port_name is not None else None
    if rule is None:
        return  # which is among the problems
    count = len(rule.reachable())
    text = f"{_named(leaf)} leads to {leaf.backend}, which has {counted(count, 'endpoint')} that can be reached"
    yield note(text) if count else problem(text)


def _named(leaf: Leaf) -> str:
    where = f"Path {leaf.path} ({leaf.path_type})" if leaf.path else "The default backend"
    return f"{where} of {leaf.host or 'every host'}"

"""Topology aware routing: endpoints shared out among the zones in proportion to the zones' CPU, or not at all.

Pure. Every ready endpoint is meant for its own zone first; zones that have more than their share give the surplus to
those that have less. When no sharing keeps every zone's load below the overload limit, nobody gets a hint. Follows
KEP-2433 and k8s.io/endpointslice ``topologycache``; ties are broken by name, so that the same endpoints always get the
same hints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from kubeapi.meta import JSON, annotations_of, labels_of

ZONE_LABEL = "topology.kubernetes.io/zone"
HINTS_ANNOTATION = "service.kubernetes.io/topology-aware-hints"
"""The older of the two annotations; it counts where both are there."""
MODE_ANNOTATION = "service.kubernetes.io/topology-mode"
OVERLOAD = 0.2
"""How much more than its share an endpoint may have to bear (overloadThreshold)."""

_EXCLUDED_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_SCARCE_NODES = "Insufficient node information: allocatable CPU or zone not specified on one or more nodes"
_SCARCE_ENDPOINTS = "Insufficient number of endpoints"
_OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
_NO_ZONE = "One or more endpoints do not have a zone specified"


class Allotment(NamedTuple):
    """The zone that each endpoint is meant for, "" for one that is not ready; or why nobody has one."""

    zones: tuple[str, ...]
    fault: str = ""


def is_automatic(service: JSON) -> bool:
    """Tell whether the Service asks for hints in proportion."""
    annotations = annotations_of(service)
    return annotations.get(HINTS_ANNOTATION, annotations.get(MODE_ANNOTATION)) in {"Auto", "auto"}


def zone_shares(nodes: Iterable[JSON]) -> dict[str, float]:
    """Return each zone's part of the CPU of all ready nodes; {} if a node does not say, or there is but one zone."""
    cpus: dict[str, Decimal] = {}
    for node in nodes:
        labels = labels_of(node)
        if not _is_ready(node) or any(each in labels for each in _EXCLUDED_LABELS):
            continue
        zone, cpu = labels.get(ZONE_LABEL), allocatable_cpu(node)
        if not zone or not cpu:
            return {}
        cpus[zone] = cpus.get(zone, Decimal()) + cpu
    total = sum(cpus.values())
    return {zone: float(cpu / total) for zone, cpu in sorted(cpus.items())} if len(cpus) > 1 else {}


def allocatable_cpu(node: JSON) -> Decimal:
    """Return the CPUs that a node has for pods, 0 if it does not say."""
    text = str(((node.get("status") or {}).get("allocatable") or {}).get("cpu", "0"))
    try:
        return Decimal(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)
    except InvalidOperation:
        return Decimal()


def node_concern(node: JSON | None) -> tuple[object, ...] | None:
    """Return of a Node what decides over zones and hints, None if there is none."""
    if node is None:
        return None
    labels = labels_of(node)
    excluded = tuple(each in labels for each in _EXCLUDED_LABELS)
    return labels.get(ZONE_LABEL), _is_ready(node), allocatable_cpu(node), excluded


def allot(endpoints: Sequence[JSON], shares: Mapping[str, float]) -> Allotment:
    """Return for which zone each endpoint is meant."""
    ready = [each["conditions"].get("ready") is True for each in endpoints]
    count = sum(ready)
    desired, fault = _desired(count, shares)
    if fault:
        return Allotment((), fault)
    zones = [each.get("zone", "") if is_up else "" for each, is_up in zip(endpoints, ready, strict=True)]
    if any(is_up and not zone for zone, is_up in zip(zones, ready, strict=True)):
        return Allotment((), _NO_ZONE)
    gifts = _gifts(desired, Counter(each for each in zones if each))
    for index in sorted(range(len(zones)), key=lambda at: endpoints[at]["addresses"][0]):
        receivers = gifts.get(zones[index])
        if receivers:
            zones[index] = receivers.pop()
    return Allotment(tuple(zones))


def _desired(count: int, shares: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Return how many endpoints each zone should have, and why that cannot be."""
    if not shares:
        return {}, _SCARCE_NODES
    numbers = f"({count} endpoints, {len(shares)} zones)"
    if len(shares) > count:
        return {}, f"{_SCARCE_ENDPOINTS} {numbers}"
    least = {zone: math.ceil(share * count / (1 + OVERLOAD)) for zone, share in shares.items()}
    if sum(least.values()) > count:
        return {}, f"{_OVERLOADED} {numbers}"
    return {zone: max(share * count, float(least[zone])) for zone, share in shares.items()}, ""


def _gifts(desired: Mapping[str, float], present: Mapping[str, int]) -> dict[str, list[str]]:
    """Return for each zone that has too many endpoints the zones that are to get one of them, last one first."""
    surplus = {zone: present.get(zone, 0) - wanted for zone, wanted in desired.items()}
    lack = {zone: -each for zone, each in surplus.items() if each < 0}
    surplus = {zone: each for zone, each in surplus.items() if each > 0}
    gifts: dict[str, list[str]] = {}
    while surplus and lack:
        giver, receiver = (max(sorted(each), key=each.__getitem__) for each in (surplus, lack))
        most, least = max(surplus[giver], lack[receiver]), min(surplus[giver], lack[receiver])
        if most < 1 or least < 0.5:
            break
        gifts.setdefault(giver, []).append(receiver)
        surplus[giver] -= 1
        lack[receiver] -= 1
    return gifts


def _is_ready(node: JSON) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)

"""Topology aware routing: endpoints are allotted to zones in proportion to the zones' CPU, or not at all.

Pure. At first every ready endpoint is for its own zone; then zones with more than their share give endpoints to those
with less. If no allotment keeps every zone's load below the overload limit, no endpoint gets a hint. Follows KEP-2433
and k8s.io/endpointslice ``topologycache``; ties are broken by name, so that the same endpoints get the same hints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from kubeapi.meta import JSON, annotations_of, labels_of
from kubeapi.objects.node import Node, read_node

HINTS_ANNOTATION = "service.kubernetes.io/topology-aware-hints"
"""The older of the two annotations; it has precedence."""
MODE_ANNOTATION = "service.kubernetes.io/topology-mode"
OVERLOAD = 0.2
"""The part by which an endpoint's load may exceed its share (overloadThreshold)."""

_EXCLUDED_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_SCARCE_NODES = "Insufficient node information: allocatable CPU or zone not specified on one or more nodes"
_SCARCE_ENDPOINTS = "Insufficient number of endpoints"
_OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
_NO_ZONE = "One or more endpoints do not have a zone specified"


class Allotment(NamedTuple):
    """The zone of each endpoint, "" for one that is not ready; or the ``fault`` for which there is no allotment."""

    zones: tuple[str, ...]
    fault: str = ""


def is_automatic(service: JSON) -> bool:
    """Tell whether the Service asks for hints in proportion."""
    annotations = annotations_of(service)
    return annotations.get(HINTS_ANNOTATION, annotations.get(MODE_ANNOTATION)) in {"Auto", "auto"}


def zone_shares(nodes: Iterable[JSON]) -> dict[str, float]:
    """Return each zone's part of the CPU of all ready nodes.

    It is {} if there is only one zone, or if a node has no zone or no allocatable CPU.
    """
    cpus: dict[str, Decimal] = {}
    for obj in nodes:
        node = read_node(obj)
        if not node.is_ready or any(_exclusions(node)):
            continue
        cpu = node.allocatable("cpu")
        if not node.zone or not cpu:
            return {}
        cpus[node.zone] = cpus.get(node.zone, Decimal()) + cpu
    total = sum(cpus.values())
    return {zone: float(cpu / total) for zone, cpu in sorted(cpus.items())} if len(cpus) > 1 else {}


def _exclusions(node: Node) -> tuple[bool, ...]:
    """Return whether the node has each of the labels that exclude its CPU."""
    return tuple(each in labels_of(node.obj) for each in _EXCLUDED_LABELS)


def topology_of(obj: JSON | None) -> tuple[object, ...] | None:
    """Return the facts of a Node on which zones and hints depend, None if there is no such Node."""
    if obj is None:
        return None
    node = read_node(obj)
    return node.zone, node.is_ready, node.allocatable("cpu"), _exclusions(node)


def allot(endpoints: Sequence[JSON], shares: Mapping[str, float]) -> Allotment:
    """Return the zone that each endpoint is for."""
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
    """Return how many endpoints each zone should have, else {} and the reason for which that is impossible."""
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
    """Return for each zone with too many endpoints the zones that get one of them, one entry each, last one first."""
    surplus = {zone: present.get(zone, 0) - wanted for zone, wanted in desired.items()}
    lack = {zone: -each for zone, each in surplus.items() if each < 0}
    surplus = {zone: each for zone, each in surplus.items() if each > 0}
    gifts: dict[str, list[str]] = {}
    while surplus and lack:
        giver, receiver = (max(sorted(each), key=each.__getitem__) for each in (surplus, lack))
        most, least = max(surplus[giver], lack[receiver]), min(surplus[giver], lack[receiver])
        # A move helps only if one zone is off by a whole endpoint, and the other by at least half of one.
        if most < 1 or least < 0.5:
            break
        gifts.setdefault(giver, []).append(receiver)
        surplus[giver] -= 1
        lack[receiver] -= 1
    return gifts

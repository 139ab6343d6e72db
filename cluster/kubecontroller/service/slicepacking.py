"""Which endpoint goes into which EndpointSlice, so that few slices change.

Pure. Each address family and set of ports has its group of slices. Existing slices are corrected in place; the slices
that change anyway are filled up; then the slice that becomes fullest; new slices come last. Nothing is rebalanced
when slices shrink. Follows k8s.io/endpointslice ``reconciler.go``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.meta import JSON, annotations_of, labels_of
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import map_at
from kubeapi.scheme import ENDPOINTSLICES
from kubecontroller.change import Change, Create, Update, delete

TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


class Group(NamedTuple):
    """The endpoints that share an address family and a set of ports."""

    address_type: str
    ports: list[JSON]
    endpoints: list[JSON]

    @property
    def key(self) -> Hashable:
        """What all slices of this group have in common."""
        return self.address_type, port_set(self.ports)


def port_set(ports: Iterable[JSON]) -> Hashable:
    """Return the ports as a value that compares equal whatever their order."""
    return frozenset(
        (each.get("name", ""), each.get("protocol", "TCP"), each.get("port"), each.get("appProtocol")) for each in ports
    )


def endpoint_id(endpoint: JSON) -> Hashable:
    """Return what identifies an endpoint while its conditions change (EndpointSet's hash)."""
    target = map_at(endpoint, "targetRef")
    return (
        tuple(endpoint["addresses"]),
        endpoint.get("hostname", ""),
        endpoint.get("nodeName", ""),
        target.get("namespace", ""),
        target.get("name", ""),
        target.get("uid", ""),
    )


@dataclass(slots=True)
class Packing:
    """The slices of one owner that are to be kept, updated, created and deleted."""

    kept: list[JSON] = field(default_factory=list)
    updated: list[JSON] = field(default_factory=list)
    created: list[JSON] = field(default_factory=list)
    deleted: list[JSON] = field(default_factory=list)

    def changes(self, trigger_time: str | None) -> list[Change]:
        """Return the writes; a slice that would be deleted is updated instead of creating another one."""
        updated, created, deleted = list(self.updated), list(self.created), list(self.deleted)
        for spare in self.deleted:
            # From the end of the list, as upstream does: the same slices get the same names.
            fresh = next((each for each in reversed(created) if each["addressType"] == spare["addressType"]), None)
            if fresh is not None:
                created = [each for each in created if each is not fresh]
                deleted = [each for each in deleted if each is not spare]
                updated.append(_reused(spare, fresh))
        writes: list[Change] = [Update(ENDPOINTSLICES, with_trigger_time(each, trigger_time)) for each in updated]
        writes += [Create(ENDPOINTSLICES, with_trigger_time(each, trigger_time)) for each in created]
        writes += [delete(ENDPOINTSLICES, each) for each in deleted]
        return writes


def _reused(spare: JSON, fresh: JSON) -> JSON:
    """Return the slice ``spare`` with the contents of ``fresh``."""
    metadata = {**spare["metadata"], "labels": labels_of(fresh), "annotations": annotations_of(fresh)}
    return {**spare, "ports": fresh["ports"], "endpoints": fresh["endpoints"], "metadata": metadata}


def pack(existing: Iterable[JSON], groups: Iterable[Group], blank: JSON, max_endpoints: int) -> Packing:
    """Return how the endpoints of ``groups`` are spread over slices.

    ``blank`` has the metadata of every slice of the owner: generateName, labels, annotations, owner.
    """
    by_group: dict[Hashable, list[JSON]] = {}
    for each in existing:
        by_group.setdefault((each["addressType"], port_set(each.get("ports") or ())), []).append(each)
    packing = Packing()
    for group in groups:
        _pack_group(packing, by_group.pop(group.key, []), group, blank, max_endpoints)
    for unwanted in by_group.values():
        packing.deleted += unwanted
    return packing


def _pack_group(packing: Packing, existing: list[JSON], group: Group, blank: JSON, max_endpoints: int) -> None:
    wanted = {endpoint_id(each): each for each in group.endpoints}
    own = _correct(existing, wanted, blank)
    rest = list(wanted.values())
    for each in sorted(own.updated, key=lambda one: -len(one["endpoints"])):
        room = max_endpoints - len(each["endpoints"])
        each["endpoints"] = [*each["endpoints"], *rest[:room]]
        rest = rest[room:]
    while rest:
        fullest = _fullest_with_room(own.kept, len(rest), max_endpoints)
        if fullest is None:
            packing.created.append(_slice(blank, group, rest[:max_endpoints]))
            rest = rest[max_endpoints:]
            continue
        own.kept = [each for each in own.kept if each is not fullest]
        own.updated.append({**fullest, "endpoints": [*fullest["endpoints"], *rest]})
        rest = []
    packing.kept += own.kept
    packing.updated += own.updated
    packing.deleted += own.deleted


def _correct(existing: list[JSON], wanted: dict[Hashable, JSON], blank: JSON) -> Packing:
    """Return the slices with the endpoints that they keep; these are taken out of ``wanted``."""
    packing = Packing()
    for each in existing:
        before = each.get("endpoints") or []
        after = [found for one in before if (found := wanted.pop(endpoint_id(one), None)) is not None]
        if not after:
            packing.deleted.append(each)
        elif after != before:
            packing.updated.append({**_relabelled(each, blank), "endpoints": after})
        elif (relabelled := _relabelled(each, blank)) is not each:
            packing.updated.append(relabelled)
        else:
            packing.kept.append(each)
    return packing


def _fullest_with_room(slices: list[JSON], count: int, max_endpoints: int) -> JSON | None:
    if count >= max_endpoints:
        return None
    fitting = [each for each in slices if len(each["endpoints"]) + count <= max_endpoints]
    return max(fitting, key=lambda each: len(each["endpoints"]), default=None)


def _slice(blank: JSON, group: Group, endpoints: list[JSON]) -> JSON:
    return {**blank, "addressType": group.address_type, "ports": group.ports, "endpoints": endpoints}


def _relabelled(each: JSON, blank: JSON) -> JSON:
    """Return the slice with the labels of ``blank``, and its annotations if it has any; itself if it has them."""
    metadata = {**each["metadata"], "labels": labels_of(blank)}
    if "annotations" in blank["metadata"]:
        metadata["annotations"] = annotations_of(blank)
    return each if metadata == each["metadata"] else {**each, "metadata": metadata}


def with_trigger_time(each: JSON, trigger_time: str | None) -> JSON:
    """Return the slice with the time of the change that caused this write; None removes an older time."""
    annotations = {name: text for name, text in annotations_of(each).items() if name != TRIGGER_TIME_ANNOTATION}
    if trigger_time is not None:
        annotations[TRIGGER_TIME_ANNOTATION] = trigger_time
    metadata = {name: value for name, value in each["metadata"].items() if name != "annotations"}
    return {**each, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}


def trigger_time(service: JSON, pods: Iterable[JSON], written: Iterable[JSON]) -> str | None:
    """Return the time of the oldest change that is later than those ``written`` before; None if there is none.

    Only creations and changes of readiness have a time; a deletion has none.
    """
    latest = max((annotations_of(each).get(TRIGGER_TIME_ANNOTATION, "") for each in written), default="")
    times = [service["metadata"].get("creationTimestamp", "")]
    times += [condition.get("lastTransitionTime") or "" for pod in pods if (condition := find_condition(pod, "Ready"))]
    return min((each for each in times if each > latest), default=None)

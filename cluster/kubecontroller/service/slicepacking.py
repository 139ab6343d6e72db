"""Which endpoint goes into which EndpointSlice, so that few slices change.

Pure. One group of slices for each address family and set of ports: existing slices are corrected in place, then those
that change anyhow are filled up, then the one slice that ends up fullest, and only then are new ones made. Nothing is
rebalanced when slices shrink. Follows k8s.io/endpointslice ``reconciler.go``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from kubeapi.meta import JSON, annotations_of, labels_of
from kubeapi.scheme import ENDPOINTSLICES
from kubecontroller.change import Change, Create, Update, delete
from kubecontroller.podstate import ready_condition

TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


@dataclass(frozen=True, slots=True)
class Group:
    """The endpoints that share an address family and a set of ports."""

    address_type: str
    ports: list[JSON]
    endpoints: list[JSON]

    @property
    def key(self) -> Hashable:
        """What slices of this group have in common."""
        return self.address_type, port_set(self.ports)


def port_set(ports: Iterable[JSON]) -> Hashable:
    """Return the ports as a value that compares equal whatever their order."""
    return frozenset(
        (each.get("name", ""), each.get("protocol", "TCP"), each.get("port"), each.get("appProtocol")) for each in ports
    )


def endpoint_id(endpoint: JSON) -> Hashable:
    """Return what makes an endpoint the same one when its conditions change (EndpointSet's hash)."""
    target = endpoint.get("targetRef") or {}
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
    """What becomes of the slices of one owner: kept, changed, made, no longer needed."""

    kept: list[JSON] = field(default_factory=list)
    updated: list[JSON] = field(default_factory=list)
    created: list[JSON] = field(default_factory=list)
    deleted: list[JSON] = field(default_factory=list)

    def changes(self, trigger_time: str | None) -> list[Change]:
        """Return the writes; what would be deleted is used again for what would be created, where it can be."""
        updated, created, deleted = list(self.updated), list(self.created), list(self.deleted)
        for spare in list(deleted):
            twin = next((each for each in reversed(created) if each["addressType"] == spare["addressType"]), None)
            if twin is not None:
                created = [each for each in created if each is not twin]
                deleted = [each for each in deleted if each is not spare]
                updated.append(
                    {
                        **spare,
                        "ports": twin["ports"],
                        "endpoints": twin["endpoints"],
                        "metadata": {
                            **spare["metadata"],
                            "labels": labels_of(twin),
                            "annotations": annotations_of(twin),
                        },
                    }
                )
        writes: list[Change] = [Update(ENDPOINTSLICES, with_trigger_time(each, trigger_time)) for each in updated]
        writes += [Create(ENDPOINTSLICES, with_trigger_time(each, trigger_time)) for each in created]
        writes += [delete(ENDPOINTSLICES, each) for each in deleted]
        return writes


def pack(existing: Iterable[JSON], groups: Iterable[Group], blank: JSON, max_endpoints: int) -> Packing:
    """Return how the endpoints of ``groups`` are spread over slices.

    ``blank`` has the metadata that every slice of the owner is to have (generateName, labels, annotations, owner).
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
    kept: list[JSON] = []
    updated: list[JSON] = []
    for each in existing:
        before = each.get("endpoints") or []
        after = [found for one in before if (found := wanted.pop(endpoint_id(one), None)) is not None]
        if not after:
            packing.deleted.append(each)
        elif after != before:
            updated.append({**_relabelled(each, blank), "endpoints": after})
        elif (relabelled := _relabelled(each, blank)) is not each:
            updated.append(relabelled)
        else:
            kept.append(each)
    rest = list(wanted.values())
    for each in sorted(updated, key=lambda one: -len(one["endpoints"])):
        room = max_endpoints - len(each["endpoints"])
        each["endpoints"] = [*each["endpoints"], *rest[:room]]
        rest = rest[room:]
    while rest:
        fullest = _fullest_with_room(kept, len(rest), max_endpoints)
        if fullest is None:
            packing.created.append(_slice(blank, group, rest[:max_endpoints]))
            rest = rest[max_endpoints:]
            continue
        kept = [each for each in kept if each is not fullest]
        updated.append({**fullest, "endpoints": [*fullest["endpoints"], *rest]})
        rest = []
    packing.kept += kept
    packing.updated += updated


def _fullest_with_room(slices: list[JSON], count: int, max_endpoints: int) -> JSON | None:
    if count >= max_endpoints:
        return None
    fitting = [each for each in slices if len(each["endpoints"]) + count <= max_endpoints]
    return max(fitting, key=lambda each: len(each["endpoints"]), default=None)


def _slice(blank: JSON, group: Group, endpoints: list[JSON]) -> JSON:
    return {**blank, "addressType": group.address_type, "ports": group.ports, "endpoints": endpoints}


def _relabelled(each: JSON, blank: JSON) -> JSON:
    """Return the slice with the labels (and, where the blank has some, annotations) it is to have; itself if it has."""
    metadata = {**each["metadata"], "labels": labels_of(blank)}
    if "annotations" in blank["metadata"]:
        metadata["annotations"] = annotations_of(blank)
    return each if metadata == each["metadata"] else {**each, "metadata": metadata}


def with_trigger_time(each: JSON, trigger_time: str | None) -> JSON:
    """Return the slice with the time of the change that caused this write, or without one that is out of date."""
    annotations = {name: text for name, text in annotations_of(each).items() if name != TRIGGER_TIME_ANNOTATION}
    if trigger_time is not None:
        annotations[TRIGGER_TIME_ANNOTATION] = trigger_time
    metadata = {name: value for name, value in each["metadata"].items() if name != "annotations"}
    return {**each, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}


def trigger_time(service: JSON, pods: Iterable[JSON], told_by: Iterable[JSON]) -> str | None:
    """Return when the oldest change happened that ``told_by`` do not tell of yet, None for a deletion."""
    told = max((annotations_of(each).get(TRIGGER_TIME_ANNOTATION, "") for each in told_by), default="")
    times = [service["metadata"].get("creationTimestamp", "")]
    times += [ready_condition(pod).get("lastTransitionTime") or "" for pod in pods]
    return min((each for each in times if each > told), default=None)

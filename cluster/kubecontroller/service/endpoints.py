"""Endpoints, the older form of EndpointSlices: one object for every Service with a selector, addresses by port.

Pure. Separates ready addresses from others, leaves out terminating pods, and keeps at most 1,000 addresses.
Follows k8s.io/kubernetes ``pkg/controller/endpoint`` and ``pkg/api/v1/endpoints`` (RepackSubsets).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, is_terminating, key_of, labels_of
from kubeapi.objects.endpointslice import HEADLESS_LABEL
from kubeapi.objects.parts import list_at
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import ENDPOINTS, PODS, SERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Create, Outcome, Update, delete
from kubecontroller.listers import Listers
from kubecontroller.service.keys import services_of_pod
from kubecontroller.service.podendpoints import endpoint_ports, has_endpoints, has_own_name, is_headless, target_ref
from kubecontroller.service.slicepacking import trigger_time, with_trigger_time

MAX_ADDRESSES = 1000
"""maxCapacity of the endpoints controller."""
OVER_CAPACITY_ANNOTATION = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by"
MANAGED_BY = "endpoint-controller"


class _Entry(NamedTuple):
    """One address behind one port, or behind none (``port`` is None)."""

    address: JSON
    is_ready: bool
    port: JSON | None


def reconcile(service: JSON, pods: Iterable[JSON], endpoints: JSON | None) -> list[Change]:
    """Return the write that makes ``endpoints`` say where ``pods``, which the Service selects, are."""
    pods = list(pods)
    subsets, is_truncated = truncate(repack(_entries(service, pods)))
    wanted = _with_subsets(service, endpoints, subsets, is_truncated=is_truncated)
    if endpoints is None:
        created = with_trigger_time(wanted, trigger_time(service, pods, []))
        text = f"Failed to create endpoint for service {key_of(created)}: {{error}}"
        return [Create(ENDPOINTS, created, Outcome(created, "FailedToCreateEndpoint", text))]
    if wanted == endpoints:
        return []
    updated = with_trigger_time(wanted, trigger_time(service, pods, [endpoints]))
    text = f"Failed to update endpoint {key_of(updated)}: {{error}}"
    return [Update(ENDPOINTS, updated, Outcome(updated, "FailedToUpdateEndpoint", text))]


def _entries(service: JSON, pods: Iterable[JSON]) -> Iterable[_Entry]:
    publishes_all = bool(service["spec"].get("publishNotReadyAddresses"))
    family = (list_at(service, "spec", "ipFamilies") or ("IPv4",))[0]
    for obj in pods:
        pod = read_pod(obj)
        address = pod.ip_of(family)
        if address is None or pod.is_finished or (pod.is_terminating and not publishes_all):
            continue
        entry = _address(service, obj, address)
        is_ready = publishes_all or pod.is_ready
        if not service["spec"].get("ports"):
            yield _Entry(entry, is_ready, None)
        for port in endpoint_ports(service, obj):
            # In Endpoints a port without a name has no such field; in a slice its name is "".
            yield _Entry(entry, is_ready, {name: value for name, value in port.items() if value != ""})


def _address(service: JSON, pod: JSON, address: str) -> JSON:
    spec = pod["spec"]
    entry: JSON = {"ip": address}
    if has_own_name(service, pod):
        entry["hostname"] = spec["hostname"]
    if spec.get("nodeName"):
        entry["nodeName"] = spec["nodeName"]
    return {**entry, "targetRef": target_ref(pod)}


def repack(entries: Iterable[_Entry]) -> list[JSON]:
    """Return subsets: one for each set of addresses, with all ports that exactly these addresses have."""
    addresses: dict[tuple[str, str], JSON] = {}
    behind: dict[Hashable, tuple[JSON | None, dict[tuple[str, str], bool]]] = {}
    for address, is_ready, port in entries:
        key = address["ip"], address.get("targetRef", {}).get("uid", "")
        addresses.setdefault(key, address)
        ready = behind.setdefault(tuple(sorted(port.items())) if port else None, (port, {}))[1]
        ready[key] = is_ready and ready.get(key, True)
    by_addresses: dict[Hashable, tuple[list[JSON], dict[tuple[str, str], bool]]] = {}
    for port, ready in behind.values():
        by_addresses.setdefault(frozenset(ready.items()), ([], ready))[0].extend([port] if port else [])
    packed = [_subset(ports, ready, addresses) for ports, ready in by_addresses.values()]
    return sorted(packed, key=lambda each: [_port_order(port) for port in each.get("ports", ())])


def _subset(ports: list[JSON], ready: dict[tuple[str, str], bool], addresses: dict[tuple[str, str], JSON]) -> JSON:
    subset: JSON = {"addresses": [], "notReadyAddresses": [], "ports": sorted(ports, key=_port_order)}
    # Sorted as texts, as upstream does: 10.0.0.10 comes before 10.0.0.9.
    for key in sorted(ready):
        subset["addresses" if ready[key] else "notReadyAddresses"].append(addresses[key])
    return _ordered(subset)


def _port_order(port: JSON) -> tuple[int, str, str]:
    return port["port"], port.get("protocol", "TCP"), port.get("name", "")


def _ordered(subset: JSON) -> JSON:
    """Return the subset without its empty lists."""
    names = ("addresses", "notReadyAddresses", "ports")
    return {name: subset[name] for name in names if subset.get(name)}


def truncate(subsets: list[JSON]) -> tuple[list[JSON], bool]:
    """Return at most 1,000 addresses, the ready ones first, and whether any were left out."""
    count = sum(len(each.get(name, ())) for each in subsets for name in ("addresses", "notReadyAddresses"))
    if count <= MAX_ADDRESSES:
        return subsets, False
    room = MAX_ADDRESSES
    kept = [dict(each) for each in subsets]
    for name in ("addresses", "notReadyAddresses"):
        for each in kept:
            each[name] = each.get(name, [])[:room]
            room -= len(each[name])
    remaining = [_ordered(each) for each in kept if each["addresses"] or each["notReadyAddresses"]]
    return remaining, True


def _with_subsets(service: JSON, endpoints: JSON | None, subsets: list[JSON], *, is_truncated: bool) -> JSON:
    labels = {name: value for name, value in labels_of(service).items() if name != HEADLESS_LABEL}
    labels[MANAGED_BY_LABEL] = MANAGED_BY
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    base = endpoints or {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": service["metadata"]["name"], "namespace": service["metadata"]["namespace"]},
    }
    annotations = {name: text for name, text in annotations_of(base).items() if name != OVER_CAPACITY_ANNOTATION}
    if is_truncated:
        annotations[OVER_CAPACITY_ANNOTATION] = "truncated"
    metadata = {**base["metadata"], "labels": labels}
    if annotations or "annotations" in metadata:
        metadata["annotations"] = annotations
    kept = {name: value for name, value in base.items() if name != "subsets"}
    return {**kept, "metadata": metadata} | ({"subsets": subsets} if subsets else {})


class EndpointsController:
    """Reconciles the Services that a change concerns; the Endpoints of a deleted Service are deleted too."""

    name = "endpoint-controller"
    resource = SERVICES
    watches = (SERVICES, PODS, ENDPOINTS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Services to reconcile after a change; of Endpoints only their deletion counts."""
        if resource is PODS:
            return services_of_pod(self._listers, delta)
        if resource is SERVICES:
            return [delta.key]
        is_lost = delta.new is None and self._listers.store.find(SERVICES, delta.key) is not None
        return [delta.key] if is_lost else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        service = self._listers.store.find(SERVICES, key)
        endpoints = self._listers.store.find(ENDPOINTS, key)
        if service is None:
            return [delete(ENDPOINTS, endpoints)] if endpoints else []
        if not has_endpoints(service) or is_terminating(service):
            return []
        return reconcile(service, self._listers.labelled(PODS, key.namespace, service["spec"]["selector"]), endpoints)

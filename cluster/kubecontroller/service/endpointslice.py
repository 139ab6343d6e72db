"""EndpointSlices: for every Service with a selector, where its pods are and whether they take traffic.

Pure: ``podendpoints`` makes the endpoints, ``slicepacking`` spreads them over slices. Services without a selector and
ExternalName Services are left alone, with the slices that they have. Follows k8s.io/endpointslice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of, labels_of, owner_reference
from kubeapi.objects.endpointslice import HEADLESS_LABEL, MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from kubeapi.objects.parts import list_at
from kubeapi.scheme import ENDPOINTSLICES, NODES, PODS, SERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent
from kubecontroller.listers import Listers
from kubecontroller.service.keys import managed_services, services_of_pod
from kubecontroller.service.podendpoints import NodeLookup, endpoint_of, endpoint_ports, has_endpoints, is_headless
from kubecontroller.service.slicepacking import Group, Packing, pack, port_set, trigger_time
from kubecontroller.service.topologyhints import allot, is_automatic, topology_of, zone_shares

MANAGED_BY = "endpointslice-controller.k8s.io"
MAX_ENDPOINTS_PER_SLICE = 100
"""--max-endpoints-per-slice of kube-controller-manager."""
_RESERVED_LABELS = {SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL}


class Topology(NamedTuple):
    """The nodes, and each zone's share for hints in proportion; ``shares`` is None if the Service asks for none."""

    node_named: NodeLookup
    shares: Mapping[str, float] | None = None


def reconcile(
    service: JSON,
    pods: Iterable[JSON],
    topology: Topology,
    slices: Iterable[JSON],
    max_endpoints: int = MAX_ENDPOINTS_PER_SLICE,
) -> list[Change]:
    """Return the writes that make the Service's own slices say where ``pods``, which it selects, are."""
    pods = list(pods)
    own = [each for each in slices if labels_of(each).get(MANAGED_BY_LABEL) == MANAGED_BY]
    families = list_at(service, "spec", "ipFamilies") or ("IPv4",)
    groups = [group for family in families for group in group_endpoints(service, pods, topology.node_named, family)]
    events = [] if topology.shares is None else _share_out(service, groups, topology.shares, own)
    blank, changed_at = _blank(service), trigger_time(service, pods, own)
    changes: list[Change] = []
    for family in families:
        kept = [each for each in own if each["addressType"] == family]
        packing = pack(kept, [each for each in groups if each.address_type == family], blank, max_endpoints)
        _keep_one_slice(packing, blank, family)
        changes += packing.changes(changed_at)
    unwanted = [each for each in own if each["addressType"] not in families]
    return [*changes, *Packing(deleted=unwanted).changes(changed_at), *events]


def group_endpoints(service: JSON, pods: Iterable[JSON], node_named: NodeLookup, family: str) -> list[Group]:
    """Return the endpoints of one address family, those with the same ports together."""
    groups: dict[object, Group] = {}
    for pod in pods:
        endpoint = endpoint_of(service, pod, node_named, family)
        if endpoint is None:
            continue
        ports = endpoint_ports(service, pod)
        group = groups.setdefault(port_set(ports), Group(family, ports, []))
        group.endpoints.append(endpoint)
    return list(groups.values())


def _share_out(
    service: JSON, groups: Sequence[Group], shares: Mapping[str, float], slices: Iterable[JSON]
) -> list[RecordEvent]:
    """Set the hints in proportion of each family's endpoints, in place, and return the events that report it."""
    had_hints = any("hints" in each for one in slices for each in list_at(one, "endpoints"))
    events = []
    for family in dict.fromkeys(each.address_type for each in groups):
        endpoints = [each for group in groups if group.address_type == family for each in group.endpoints]
        allotment = allot(endpoints, shares)
        for endpoint, zone in zip(endpoints, allotment.zones, strict=False):
            if zone:
                endpoint["hints"] = {"forZones": [{"name": zone}]}
        if allotment.fault:
            text = f"{allotment.fault}, addressType: {family}"
            events.append(RecordEvent(service, WARNING, "TopologyAwareHintsDisabled", text))
        elif not had_hints:
            text = f"Topology Aware Hints has been enabled, addressType: {family}"
            events.append(RecordEvent(service, NORMAL, "TopologyAwareHintsEnabled", text))
    return events


def _blank(service: JSON) -> JSON:
    metadata = service["metadata"]
    labels = {name: value for name, value in labels_of(service).items() if name not in _RESERVED_LABELS}
    labels |= {SERVICE_NAME_LABEL: metadata["name"], MANAGED_BY_LABEL: MANAGED_BY}
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(service)],
        },
    }


def _keep_one_slice(packing: Packing, blank: JSON, family: str) -> None:
    """Leave a Service without endpoints of a family one empty slice, which says that it has none."""
    if packing.kept or packing.updated or packing.created:
        return
    placeholder = {**blank, "addressType": family, "ports": [], "endpoints": []}
    if len(packing.deleted) == 1 and _is_placeholder(packing.deleted[0], placeholder):
        packing.deleted = []
    else:
        packing.created.append(placeholder)


def _is_placeholder(each: JSON, placeholder: JSON) -> bool:
    is_empty = not each.get("ports") and not each.get("endpoints")
    return is_empty and each["addressType"] == placeholder["addressType"] and labels_of(each) == labels_of(placeholder)


class EndpointSliceController:
    """Reconciles the Services that a change concerns."""

    name = "endpoint-slice-controller"
    resource = SERVICES
    watches = (SERVICES, PODS, NODES, ENDPOINTSLICES)

    def __init__(self, listers: Listers, max_endpoints_per_slice: int = MAX_ENDPOINTS_PER_SLICE) -> None:
        self._listers = listers
        self._max_endpoints = max_endpoints_per_slice

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Services to reconcile after a change."""
        if resource is SERVICES:
            return [delta.key]
        if resource is PODS:
            return services_of_pod(self._listers, delta)
        if resource is NODES:
            return self._services_after_node(delta)
        return managed_services(delta, MANAGED_BY)

    def _services_after_node(self, delta: Delta) -> list[ObjectKey]:
        """Return all Services if a change of a node changes zones or hints, else none."""
        if topology_of(delta.old) == topology_of(delta.new):
            return []
        return [key_of(each) for each in self._listers.store.list(SERVICES)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        service = self._listers.store.find(SERVICES, key)
        if service is None or not has_endpoints(service) or is_terminating(service):
            return []
        pods = self._listers.labelled(PODS, key.namespace, service["spec"]["selector"])
        slices = self._listers.slices_of(key)
        shares = zone_shares(self._listers.store.list(NODES)) if is_automatic(service) else None
        return reconcile(service, pods, Topology(self._node_named, shares), slices, self._max_endpoints)

    def _node_named(self, name: str) -> JSON | None:
        return self._listers.store.find(NODES, ObjectKey("", name))

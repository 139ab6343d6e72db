"""EndpointSlices for Endpoints that were written by hand, so that consumers need to read slices only.

Pure: copies the Endpoints of a Service without selector into slices that they own. Follows k8s.io/kubernetes
``pkg/controller/endpointslicemirroring``.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from kubeapi.meta import JSON, ObjectKey, annotations_of, is_terminating, labels_of, owner_reference
from kubeapi.objects.endpointslice import MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from kubeapi.objects.parts import list_at
from kubeapi.scheme import ENDPOINTS, ENDPOINTSLICES, SERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import WARNING, Change, RecordEvent
from kubecontroller.listers import Listers
from kubecontroller.service.keys import managed_services
from kubecontroller.service.slicepacking import TRIGGER_TIME_ANNOTATION, Group, Packing, endpoint_id, pack, port_set

MANAGED_BY = "endpointslicemirroring-controller.k8s.io"
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
MAX_ENDPOINTS_PER_SUBSET = 1000
"""--mirroring-max-endpoints-per-subset of kube-controller-manager."""
_NOT_CLONED = {"kubectl.kubernetes.io/last-applied-configuration", TRIGGER_TIME_ANNOTATION}


def reconcile(service: JSON | None, endpoints: JSON | None, slices: Iterable[JSON]) -> list[Change]:
    """Return the writes that make the mirroring slices equal to ``endpoints``, or that remove them."""
    own = [each for each in slices if labels_of(each).get(MANAGED_BY_LABEL) == MANAGED_BY]
    if service is None or endpoints is None or not is_mirrored(service, endpoints):
        return Packing(deleted=own).changes(None)
    packing = pack(own, group_addresses(endpoints), _blank(endpoints), MAX_ENDPOINTS_PER_SUBSET)
    changes = packing.changes(None)
    skipped = sum(max(0, _size(each) - MAX_ENDPOINTS_PER_SUBSET) for each in list_at(endpoints, "subsets"))
    if changes and skipped:
        limit = f"A max of {MAX_ENDPOINTS_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset."
        text = f"{limit} {skipped} addresses were skipped"
        changes.append(RecordEvent(endpoints, WARNING, "TooManyAddressesToMirror", text))
    return changes


def _size(subset: JSON) -> int:
    return sum(len(list_at(subset, each)) for each in ("addresses", "notReadyAddresses"))


def is_mirrored(service: JSON, endpoints: JSON) -> bool:
    """Tell whether these Endpoints were written by hand for a Service without selector, and may be mirrored."""
    if labels_of(endpoints).get(SKIP_LABEL) == "true" or LEADER_ANNOTATION in annotations_of(endpoints):
        return False
    return _may_be_mirrored(service) and not is_terminating(endpoints)


def group_addresses(endpoints: JSON) -> list[Group]:
    """Return the addresses of all subsets by address family and ports, each address once."""
    groups: dict[object, Group] = {}
    for subset in list_at(endpoints, "subsets"):
        ports = [_port(each) for each in list_at(subset, "ports")]
        room = MAX_ENDPOINTS_PER_SUBSET
        for name, is_ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in list_at(subset, name)[: max(0, room)]:
                room -= 1
                family = _family(address["ip"])
                if family is not None:
                    group = groups.setdefault((family, port_set(ports)), Group(family, ports, []))
                    group.endpoints.append(_endpoint(address, is_ready))
    return [_without_duplicates(each) for each in groups.values()]


def _without_duplicates(group: Group) -> Group:
    unique = {endpoint_id(each): each for each in group.endpoints}
    return Group(group.address_type, group.ports, list(unique.values()))


def _family(address: str) -> str | None:
    try:
        return "IPv6" if ip_address(address).version == 6 else "IPv4"
    except ValueError:
        return None


def _port(port: JSON) -> JSON:
    entry = {"name": port.get("name") or "", "protocol": port.get("protocol") or "TCP", "port": port["port"]}
    return {**entry, "appProtocol": port["appProtocol"]} if port.get("appProtocol") else entry


def _endpoint(address: JSON, is_ready: bool) -> JSON:
    endpoint: JSON = {"addresses": [address["ip"]], "conditions": {"ready": is_ready}}
    kept = {name: address[name] for name in ("hostname", "nodeName", "targetRef") if address.get(name)}
    return {**endpoint, **kept}


def _blank(endpoints: JSON) -> JSON:
    metadata = endpoints["metadata"]
    annotations = {name: text for name, text in annotations_of(endpoints).items() if name not in _NOT_CLONED}
    own = {SERVICE_NAME_LABEL: metadata["name"], MANAGED_BY_LABEL: MANAGED_BY}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": {**labels_of(endpoints), **own},
            "annotations": annotations,
            "ownerReferences": [owner_reference(endpoints)],
        },
    }


class EndpointSliceMirroringController:
    """Reconciles the Endpoints that a change concerns."""

    name = "endpoint-slice-mirroring-controller"
    resource = ENDPOINTS
    watches = (SERVICES, ENDPOINTS, ENDPOINTSLICES)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Endpoints to reconcile after a change; a Service has the key of its Endpoints."""
        if resource is ENDPOINTSLICES:
            return managed_services(delta, MANAGED_BY)
        if resource is SERVICES:
            return [delta.key] if delta.new is None or _may_be_mirrored(delta.new) or _has_changed(delta) else []
        service = self._listers.store.find(SERVICES, delta.key)
        return [delta.key] if service is None or _may_be_mirrored(service) else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        return reconcile(store.find(SERVICES, key), store.find(ENDPOINTS, key), self._listers.slices_of(key))


def _may_be_mirrored(service: JSON) -> bool:
    return not service["spec"].get("selector")


def _has_changed(delta: Delta) -> bool:
    """Tell whether a Service is new, or had no selector before and may have one now."""
    return delta.old is None or _may_be_mirrored(delta.old)

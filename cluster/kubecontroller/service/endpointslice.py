"""EndpointSlices: for every Service with a selector, where its pods are and whether they take traffic.

Pure: decides the endpoints and their conditions; ``slicepacking`` spreads them over slices. Services without a
selector and ExternalName Services are left alone, with whatever slices they have. Follows k8s.io/endpointslice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from kubeapi.informer import Delta
from kubeapi.meta import JSON, ObjectKey, is_terminating, labels_of, owner_reference
from kubeapi.objects.endpointslice import HEADLESS_LABEL, MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from kubeapi.objects.service import HEADLESS
from kubeapi.scheme import ENDPOINTSLICES, NODES, PODS, SERVICES, Resource
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent
from kubecontroller.listers import Listers
from kubecontroller.podstate import is_finished, is_ready
from kubecontroller.service.slicepacking import Group, Packing, pack, port_set, trigger_time
from kubecontroller.service.topologyhints import ZONE_LABEL, allot, is_automatic, node_concern, zone_shares

MANAGED_BY = "endpointslice-controller.k8s.io"
MAX_ENDPOINTS_PER_SLICE = 100
"""--max-endpoints-per-slice of kube-controller-manager."""
_RESERVED_LABELS = {SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL}

NodeLookup = Callable[[str], JSON | None]
"""Returns the Node of a name, if there is one."""


def reconcile(
    service: JSON,
    pods: Iterable[JSON],
    node_named: NodeLookup,
    slices: Iterable[JSON],
    max_endpoints: int = MAX_ENDPOINTS_PER_SLICE,
    shares: Mapping[str, float] | None = None,
) -> list[Change]:
    """Return the writes that make the Service's own slices say where ``pods``, which it selects, are.

    ``shares`` are the zones' shares for hints in proportion, None if the Service asks for none.
    """
    pods = list(pods)
    own = [each for each in slices if labels_of(each).get(MANAGED_BY_LABEL) == MANAGED_BY]
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    groups = [group for family in families for group in group_endpoints(service, pods, node_named, family)]
    events = [] if shares is None else _share_out(service, groups, shares, own)
    blank, told = _blank(service), trigger_time(service, pods, own)
    changes: list[Change] = []
    for family in families:
        kept = [each for each in own if each["addressType"] == family]
        packing = pack(kept, [each for each in groups if each.address_type == family], blank, max_endpoints)
        _keep_one_slice(packing, blank, family)
        changes += packing.changes(told)
    given_up = [each for each in own if each["addressType"] not in families]
    return [*changes, *Packing(deleted=given_up).changes(told), *events]


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


def endpoint_of(service: JSON, pod: JSON, node_named: NodeLookup, family: str) -> JSON | None:
    """Return the pod as an endpoint; None if it has no address, has ended, or is on a node that does not exist."""
    address = pod_address(pod, family)
    if address is None or is_finished(pod):
        return None
    publishes_all = bool(service["spec"].get("publishNotReadyAddresses"))
    node_name = pod["spec"].get("nodeName", "")
    node = node_named(node_name)
    if node is None and not publishes_all:
        return None
    is_serving, is_leaving = is_ready(pod), is_terminating(pod)
    metadata = pod["metadata"]
    endpoint: JSON = {
        "addresses": [address],
        "conditions": {
            "ready": publishes_all or (is_serving and not is_leaving),
            "serving": is_serving,
            "terminating": is_leaving,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }
    if node_name:
        endpoint["nodeName"] = node_name
    zone = labels_of(node).get(ZONE_LABEL) if node else None
    if zone:
        endpoint["zone"] = zone
    if has_own_name(service, pod):
        endpoint["hostname"] = pod["spec"]["hostname"]
    hints = _hints(service, endpoint)
    return {**endpoint, "hints": hints} if hints else endpoint


def pod_address(pod: JSON, family: str) -> str | None:
    """Return the pod's address of a family, None while it has none."""
    status = pod.get("status") or {}
    addresses = [each["ip"] for each in status.get("podIPs") or ()] or [status.get("podIP")]
    return next((each for each in addresses if each and (":" in each) == (family == "IPv6")), None)


def has_own_name(service: JSON, pod: JSON) -> bool:
    """Tell whether the pod has a DNS name of its own below this Service: hostname, and the Service as subdomain."""
    spec = pod["spec"]
    return bool(spec.get("hostname")) and spec.get("subdomain") == service["metadata"]["name"]


def endpoint_ports(service: JSON, pod: JSON) -> list[JSON]:
    """Return the Service's ports as they are at this pod; a named port that it does not have is left out."""
    ports: list[JSON] = []
    for port in service["spec"].get("ports") or ():
        number = find_port(pod, port)
        if number is None:
            continue
        entry = {"name": port.get("name") or "", "protocol": port.get("protocol") or "TCP", "port": number}
        if port.get("appProtocol"):
            entry["appProtocol"] = port["appProtocol"]
        ports.append(entry)
    return ports


def find_port(pod: JSON, port: JSON) -> int | None:
    """Return the number that a Service port's targetPort is at this pod (podutil.FindPort)."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    protocol = port.get("protocol") or "TCP"
    sidecars = [each for each in pod["spec"].get("initContainers") or () if each.get("restartPolicy") == "Always"]
    for container in [*(pod["spec"].get("containers") or ()), *sidecars]:
        for each in container.get("ports") or ():
            if each.get("name") == target and (each.get("protocol") or "TCP") == protocol:
                return int(each["containerPort"])
    return None


def _hints(service: JSON, endpoint: JSON) -> JSON | None:
    """Return for which zones and nodes a ready endpoint is meant (trafficDistribution; the annotation overrules it)."""
    preference = service["spec"].get("trafficDistribution")
    if not preference or is_automatic(service) or not endpoint["conditions"]["ready"]:
        return None
    hints: JSON = {}
    if "zone" in endpoint:
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if preference == "PreferSameNode" and "nodeName" in endpoint:
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints or None


def _share_out(
    service: JSON, groups: Sequence[Group], shares: Mapping[str, float], slices: Iterable[JSON]
) -> list[RecordEvent]:
    """Give the endpoints of each family their hints in proportion, in place, and return what is told of it."""
    had_hints = any("hints" in each for one in slices for each in one.get("endpoints") or ())
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


def is_headless(service: JSON) -> bool:
    """Tell whether the Service has no cluster IP: None, or not yet any."""
    return service["spec"].get("clusterIP") in {None, "", HEADLESS}


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
    """Leave a Service without endpoints of a family one empty slice, so that it is known to have none."""
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
    """Runs ``reconcile`` for the Services that a change concerns."""

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
        """Return all Services when a node comes, goes, or changes what zones and hints follow from; else none."""
        if node_concern(delta.old) == node_concern(delta.new):
            return []
        services = self._listers.store.list(SERVICES)
        return [ObjectKey(each["metadata"]["namespace"], each["metadata"]["name"]) for each in services]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        service = self._listers.store.find(SERVICES, key)
        if service is None or not has_endpoints(service) or is_terminating(service):
            return []
        pods = self._listers.labelled(PODS, key.namespace, service["spec"]["selector"])
        slices = self._listers.slices_of(key)
        shares = zone_shares(self._listers.store.list(NODES)) if is_automatic(service) else None
        return reconcile(service, pods, self._node_named, slices, self._max_endpoints, shares)

    def _node_named(self, name: str) -> JSON | None:
        return self._listers.store.find(NODES, ObjectKey("", name))


def has_endpoints(service: JSON) -> bool:
    """Tell whether a Service's endpoints are made from pods: it has a selector and is not ExternalName."""
    return service["spec"].get("type") != "ExternalName" and bool(service["spec"].get("selector"))


def managed_services(delta: Delta, managed_by: str) -> list[ObjectKey]:
    """Return the Services whose slice, managed by ``managed_by``, was changed or lost; a new one is one's own."""
    if delta.old is None:
        return []
    states = [labels_of(each) for each in (delta.old, delta.new) if each is not None]
    names = {labels.get(SERVICE_NAME_LABEL) for labels in states if labels.get(MANAGED_BY_LABEL) == managed_by}
    return [ObjectKey(delta.key.namespace, name) for name in names if name]


def services_of_pod(listers: Listers, delta: Delta) -> list[ObjectKey]:
    """Return the Services that select a pod, or selected it before the change."""
    states = [labels_of(each) for each in (delta.old, delta.new) if each is not None]
    if len(states) == 2 and states[0] == states[1]:
        states.pop()
    return [key for labels in states for key in listers.services.selecting(delta.key.namespace, labels)]

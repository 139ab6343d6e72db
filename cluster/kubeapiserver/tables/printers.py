"""The rows of every kind but Pod, and which printer is whose. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON, labels_of
from kubeapi.scheme import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
    Resource,
)
from kubeapiserver.catalog import SCALES
from kubeapiserver.tables.columns import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    Printer,
    age,
    container_cells,
    pairs,
    selector_text,
    since,
    some_of,
    wide,
)
from kubeapiserver.tables.pods import POD
from kubehost.addresses import join_host_port

_ROLE_PREFIX = "node-role.kubernetes.io/"


def _service(service: JSON, now: float) -> list[Any]:
    spec = service.get("spec") or {}
    addresses = spec.get("clusterIPs") or ()
    return [
        service["metadata"]["name"],
        spec.get("type", ""),
        addresses[0] if addresses else NONE,
        _external_addresses(service, spec),
        ",".join(_service_port(each) for each in spec.get("ports") or ()) or NONE,
        age(service, now),
        pairs(spec.get("selector")),
    ]


def _external_addresses(service: JSON, spec: JSON) -> str:
    outside = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            ingresses = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
            balancers = sorted({each.get("ip") or each.get("hostname", "") for each in ingresses} - {""})
            return ",".join([*balancers, *outside]) or "<pending>"
    return ",".join(outside) or NONE


def _service_port(port: JSON) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def _deployment(deployment: JSON, now: float) -> list[Any]:
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    return [
        deployment["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(deployment, now),
        *container_cells((spec.get("template") or {}).get("spec") or {}),
        selector_text(spec.get("selector")) or NONE,
    ]


def _replica_set(replica_set: JSON, now: float) -> list[Any]:
    spec, status = replica_set.get("spec") or {}, replica_set.get("status") or {}
    return [
        replica_set["metadata"]["name"],
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(replica_set, now),
        *container_cells((spec.get("template") or {}).get("spec") or {}),
        selector_text(spec.get("selector")) or NONE,
    ]


def _endpoints(endpoints: JSON, now: float) -> list[Any]:
    subsets = endpoints.get("subsets") or ()
    shown = [each for subset in subsets for each in _subset(subset)]
    return [
        endpoints["metadata"]["name"],
        some_of(shown, len(shown)) if subsets else NONE,
        age(endpoints, now),
    ]


def _subset(subset: JSON) -> list[str]:
    addresses = [each.get("ip", "") for each in subset.get("addresses") or ()]
    ports = subset.get("ports") or ()
    if not ports:
        return addresses
    return [join_host_port(each, port.get("port", 0)) for port in ports for each in addresses]


def _endpoint_slice(piece: JSON, now: float) -> list[Any]:
    ports = [_slice_port(each) for each in piece.get("ports") or ()]
    addresses = [each for endpoint in piece.get("endpoints") or () for each in endpoint.get("addresses") or ()]
    return [
        piece["metadata"]["name"],
        piece.get("addressType", ""),
        some_of(ports, len(ports)) or UNSET,
        some_of(addresses, len(addresses)) or UNSET,
        age(piece, now),
    ]


def _slice_port(port: JSON) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return str(port["name"]) if port.get("name") is not None else "*"


def _node(node: JSON, now: float) -> list[Any]:
    status = node.get("status") or {}
    about = status.get("nodeInfo") or {}
    return [
        node["metadata"]["name"],
        _node_status(node),
        ",".join(_node_roles(node)) or NONE,
        age(node, now),
        about.get("kubeletVersion", ""),
        _node_address(status, "InternalIP"),
        _node_address(status, "ExternalIP"),
        about.get("osImage") or UNKNOWN,
        about.get("kernelVersion") or UNKNOWN,
        about.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(node: JSON) -> str:
    conditions = {each.get("type"): each.get("status") for each in (node.get("status") or {}).get("conditions") or ()}
    ready = {"True": "Ready", None: "Unknown"}.get(conditions.get("Ready"), "NotReady")
    return f"{ready},SchedulingDisabled" if (node.get("spec") or {}).get("unschedulable") else ready


def _node_roles(node: JSON) -> list[str]:
    roles = set()
    for label, value in labels_of(node).items():
        if label.startswith(_ROLE_PREFIX):
            roles.add(label.removeprefix(_ROLE_PREFIX))
        elif label == "kubernetes.io/role":
            roles.add(value)
    return sorted(roles - {""})


def _node_address(status: JSON, kind: str) -> str:
    found = (each.get("address", "") for each in status.get("addresses") or () if each.get("type") == kind)
    return next(found, NONE)


def _namespace(namespace: JSON, now: float) -> list[Any]:
    return [namespace["metadata"]["name"], (namespace.get("status") or {}).get("phase", ""), age(namespace, now)]


def _event(event: JSON, now: float) -> list[Any]:
    involved, source, series = event.get("involvedObject") or {}, event.get("source") or {}, event.get("series") or {}
    first = since(event.get("firstTimestamp") or event.get("eventTime"), now)
    last = since(event["lastTimestamp"], now) if event.get("lastTimestamp") else first
    if series:
        last = since(series.get("lastObservedTime"), now)
    sources = [
        source.get("component") or event.get("reportingComponent") or "",
        source.get("host") or event.get("reportingInstance") or "",
    ]
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}",
        involved.get("fieldPath", ""),
        ", ".join(each for each in sources if each),
        str(event.get("message", "")).strip(),
        first,
        series.get("count") or event.get("count") or 1,
        event["metadata"]["name"],
    ]


def _config_map(config_map: JSON, now: float) -> list[Any]:
    count = len(config_map.get("data") or ()) + len(config_map.get("binaryData") or ())
    return [config_map["metadata"]["name"], count, age(config_map, now)]


def _lease(lease: JSON, now: float) -> list[Any]:
    holder = (lease.get("spec") or {}).get("holderIdentity") or ""
    return [lease["metadata"]["name"], holder, age(lease, now)]


def _scale(scale: JSON, now: float) -> list[Any]:
    return [scale["metadata"]["name"], scale["spec"]["replicas"], scale["status"]["replicas"], age(scale, now)]


def _any_kind(obj: JSON, now: float) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]


_CONTAINERS = (wide("Containers"), wide("Images"), wide("Selector"))
_DEFAULT = Printer((NAME, AGE), _any_kind)
_PRINTERS: dict[Resource, Printer] = {
    PODS: POD,
    SERVICES: Printer(
        (
            NAME,
            Column("Type"),
            Column("Cluster-IP"),
            Column("External-IP"),
            Column("Port(s)"),
            AGE,
            wide("Selector"),
        ),
        _service,
    ),
    DEPLOYMENTS: Printer(
        (NAME, Column("Ready"), Column("Up-to-date"), Column("Available"), AGE, *_CONTAINERS), _deployment
    ),
    REPLICASETS: Printer(
        (
            NAME,
            Column("Desired", "integer"),
            Column("Current", "integer"),
            Column("Ready", "integer"),
            AGE,
            *_CONTAINERS,
        ),
        _replica_set,
    ),
    ENDPOINTS: Printer((NAME, Column("Endpoints"), AGE), _endpoints),
    ENDPOINTSLICES: Printer((NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), _endpoint_slice),
    NODES: Printer(
        (
            NAME,
            Column("Status"),
            Column("Roles"),
            AGE,
            Column("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ),
        _node,
    ),
    NAMESPACES: Printer((NAME, Column("Status"), AGE), _namespace),
    EVENTS: Printer(
        (
            Column("Last Seen"),
            Column("Type"),
            Column("Reason"),
            Column("Object"),
            wide("Subobject"),
            wide("Source"),
            Column("Message"),
            wide("First Seen"),
            wide("Count", "integer"),
            Column("Name", "string", 1, "name"),
        ),
        _event,
    ),
    LEASES: Printer((NAME, Column("Holder"), AGE), _lease),
    CONFIGMAPS: Printer((NAME, Column("Data"), AGE), _config_map),
    SCALES: Printer((NAME, Column("Desired", "integer"), Column("Available", "integer"), AGE), _scale),
}


def printer_for(resource: Resource) -> Printer:
    """Return how a resource's objects are printed; a kind without columns of its own has name and age."""
    return _PRINTERS.get(resource, _DEFAULT)

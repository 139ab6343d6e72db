"""One Service of the status document (see ``status``), its listeners and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.endpointslice import PROXY_NAME_LABEL, EndpointSlice, read_endpoint_slice, service_of_slice
from kubeapi.objects.service import Service, ServicePort
from kubeapi.objects.weight import weight_of
from kubeapi.scheme import ENDPOINTSLICES, PODS
from kubeapi.store import Store
from kubeproxy.plane import ListenerStatus


def slices_by_service(
    store: Store, wanted: Collection[ObjectKey] | None = None
) -> dict[ObjectKey, list[EndpointSlice]]:
    """Return the slices of every Service, or of the ``wanted`` ones."""
    found: dict[ObjectKey, list[EndpointSlice]] = {}

    def read(obj: JSON) -> None:
        service = service_of_slice(obj)
        if service is not None and (wanted is None or service in wanted):
            found.setdefault(service, []).append(read_endpoint_slice(obj))

    for _ in store.failures.read_each("kubesvc (status)", ENDPOINTSLICES, store.list(ENDPOINTSLICES), read):
        pass
    return found


def service_document(
    service: Service, listeners: Iterable[ListenerStatus], endpoints: Iterable[JSON], zone: str
) -> JSON:
    """Return the document of one Service, with what ``endpoints_of`` returns."""
    targets = {(port.name, port.protocol): port.target_port for port in service.ports}
    return {
        "namespace": service.key.namespace,
        "name": service.key.name,
        "type": service.type,
        "clusterIP": service.cluster_ips[0] if service.cluster_ips else "",
        "clusterIPs": list(service.cluster_ips),
        "externalName": service.external_name,
        "dnsName": f"{service.key.name}.{service.key.namespace}.svc.{zone}",
        "proxyName": service.labels.get(PROXY_NAME_LABEL, ""),
        "ports": list(map(_port, service.ports)),
        "listeners": listener_documents(listeners, targets),
        "endpoints": list(endpoints),
    }


def listener_documents(listeners: Iterable[ListenerStatus], targets: Mapping[tuple[str, str], int | str]) -> list[JSON]:
    """Return the documents of listeners in their order; ``targets`` are the target ports by name and protocol."""
    in_order = sorted(listeners, key=lambda each: (each.kind, each.address, each.requested_port, each.protocol))
    return [_listener(each, targets.get((each.port_name.port, each.protocol))) for each in in_order]


def _port(port: ServicePort) -> JSON:
    return {
        "name": port.name,
        "port": port.port,
        "protocol": port.protocol,
        "appProtocol": port.app_protocol,
        "targetPort": port.target_port,
        "nodePort": port.node_port or None,
    }


def _listener(listener: ListenerStatus, target: int | str | None) -> JSON:
    return {
        "address": listener.host_address,
        "clusterAddress": listener.address,
        "port": listener.port,
        "servicePort": listener.requested_port,
        "portName": listener.port_name.port,
        "protocol": listener.protocol,
        "kind": listener.kind.value,
        "nodePort": listener.kind == "nodePort",
        "target": target,
        "bound": listener.is_bound,
        "error": listener.error,
    }


def endpoints_of(store: Store, slices: Iterable[EndpointSlice]) -> list[JSON]:
    """Return the endpoints of slices, each with the ports of its slice, and with its weight."""
    found = (endpoint for each in slices for endpoint in _of_slice(store, each))
    return sorted(found, key=lambda each: (each["pod"], each["address"]))


def _of_slice(store: Store, endpoint_slice: EndpointSlice) -> list[JSON]:
    ports = [{"name": port.name, "port": port.port, "protocol": port.protocol} for port in endpoint_slice.ports]
    return [
        {
            "pod": endpoint.target,
            "address": endpoint.addresses[0] if endpoint.addresses else "",
            "ports": ports,
            "ready": endpoint.is_ready,
            "serving": endpoint.is_serving,
            "terminating": endpoint.is_terminating,
            "node": endpoint.node_name,
            "hostname": endpoint.hostname,
            "weight": _weight(store, endpoint_slice, endpoint.target),
        }
        for endpoint in endpoint_slice.endpoints
    ]


def _weight(store: Store, endpoint_slice: EndpointSlice, target: str) -> int:
    """Return the weight of an endpoint: its pod's, else its slice's, else 1."""
    pod = store.find(PODS, ObjectKey(endpoint_slice.key.namespace, target)) if target else None
    weight = weight_of(pod) if pod is not None else None
    weight = endpoint_slice.weight if weight is None else weight
    return 1 if weight is None else weight

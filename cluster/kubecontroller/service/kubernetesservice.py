"""The endpoints of the API server: Endpoints and EndpointSlice of default/kubernetes, which has no selector.

Pure. Follows k8s.io/kubernetes ``pkg/controlplane/reconcilers``.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.endpointslice import SERVICE_NAME_LABEL
from kubeapi.registry import Registry
from kubeapi.scheme import ENDPOINTS, ENDPOINTSLICES
from kubecontroller.change import Create, Update
from kubecontroller.service.endpointslicemirroring import SKIP_LABEL

NAME = "kubernetes"
KEY = ObjectKey("default", NAME)
"""The key of the Service, of its Endpoints and of its one slice."""


def reconcile(
    addresses: Sequence[str], port: int, endpoints: JSON | None, endpoint_slice: JSON | None
) -> list[Create | Update]:
    """Return the writes that point default/kubernetes at the API servers' IPv4 ``addresses`` and ``port``."""
    ordered, named_port = sorted(set(addresses)), {"name": "https", "protocol": "TCP", "port": port}
    objects = (
        (ENDPOINTS, _endpoints(ordered, named_port), endpoints),
        (ENDPOINTSLICES, _slice(ordered, named_port), endpoint_slice),
    )
    changes: list[Create | Update] = []
    for resource, want, have in objects:
        if have is None:
            changes.append(Create(resource, want))
        elif any(have.get(name) != value for name, value in want.items() if name != "metadata"):
            changes.append(Update(resource, {**have, **want, "metadata": have["metadata"]}))
    return changes


def _endpoints(addresses: Sequence[str], port: JSON) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": NAME, "namespace": KEY.namespace, "labels": {SKIP_LABEL: "true"}},
        "subsets": [{"addresses": [{"ip": each} for each in addresses], "ports": [port]}] if addresses else [],
    }


def _slice(addresses: Sequence[str], port: JSON) -> JSON:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": NAME, "namespace": KEY.namespace, "labels": {SERVICE_NAME_LABEL: NAME}},
        "addressType": "IPv4",
        "ports": [port],
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
    }


def publish(registry: Registry, addresses: Sequence[str], port: int) -> None:
    """Point default/kubernetes at the API servers' addresses; StatusError when the Registry refuses them."""
    store = registry.store
    for change in reconcile(addresses, port, store.find(ENDPOINTS, KEY), store.find(ENDPOINTSLICES, KEY)):
        write = registry.create if isinstance(change, Create) else registry.update
        write(change.resource, change.obj)

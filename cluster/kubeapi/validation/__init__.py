"""Judge an object that is decoded and defaulted: every fault with its path, in Kubernetes' own wording.

Never changes an object, looks at no other object and allocates nothing. Follows k8s.io/kubernetes
``pkg/apis/*/validation``; the one deviation is that addresses in 127.0.0.0/8 may be endpoints, since they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubeapi.meta import JSON
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
from kubeapi.status import FieldError
from kubeapi.validation.configmap import validate_config_map, validate_config_map_update
from kubeapi.validation.endpoints import validate_endpoint_slice, validate_endpoint_slice_update, validate_endpoints
from kubeapi.validation.event import validate_event
from kubeapi.validation.faults import Faults
from kubeapi.validation.lease import validate_lease
from kubeapi.validation.metadata import validate_metadata, validate_namespace
from kubeapi.validation.node import (
    validate_node,
    validate_node_addresses,
    validate_node_resources,
    validate_node_update,
)
from kubeapi.validation.podupdate import validate_pod_update
from kubeapi.validation.service import validate_service, validate_service_update
from kubeapi.validation.servicestatus import validate_service_status
from kubeapi.validation.workload import (
    validate_deployment,
    validate_pod,
    validate_pod_creation,
    validate_replica_set,
    validate_selector_update,
)

_RULES: dict[Resource, Callable[[JSON], Faults]] = {
    CONFIGMAPS: validate_config_map,
    EVENTS: validate_event,
    NAMESPACES: validate_namespace,
    LEASES: validate_lease,
    ENDPOINTS: validate_endpoints,
    NODES: validate_node,
    PODS: validate_pod,
    DEPLOYMENTS: validate_deployment,
    REPLICASETS: validate_replica_set,
    ENDPOINTSLICES: validate_endpoint_slice,
}
_UPDATE_RULES: dict[Resource, Callable[[JSON, JSON], Faults]] = {
    CONFIGMAPS: validate_config_map_update,
    SERVICES: validate_service_update,
    NODES: validate_node_update,
    PODS: validate_pod_update,
    DEPLOYMENTS: validate_selector_update,
    REPLICASETS: validate_selector_update,
    ENDPOINTSLICES: validate_endpoint_slice_update,
}


def validate(resource: Resource, obj: JSON, balancers: Sequence[str]) -> list[FieldError]:
    """Return every fault of an object; ``balancers`` are the algorithms that a Service may name."""
    faults = list(validate_metadata(resource, obj))
    if resource is SERVICES:
        faults.extend(validate_service(obj, balancers))
    elif resource in _RULES:
        faults.extend(_RULES[resource](obj))
    return faults


def validate_creation(resource: Resource, obj: JSON) -> list[FieldError]:
    """Return a fault for everything that an object may have, but not when it is new."""
    return list(validate_pod_creation(obj)) if resource is PODS else []


def validate_update(resource: Resource, new: JSON, old: JSON) -> list[FieldError]:
    """Return a fault for everything that changes between two versions of an object but may not."""
    rule = _UPDATE_RULES.get(resource)
    return list(rule(new, old)) if rule is not None else []


def validate_status(resource: Resource, obj: JSON) -> list[FieldError]:
    """Return every fault of an object's status, where the API judges what a controller says."""
    if resource is NODES:
        return [*validate_node_resources(obj), *validate_node_addresses(obj)]
    return list(validate_service_status(obj)) if resource is SERVICES else []

"""What a cluster has from its start of cluster IPs: the ServiceCIDR of its configuration, and IPAddresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeapi.meta import ObjectKey, key_of
from kubeapi.objects.servicecidr import (
    DEFAULT_NAME,
    FINALIZER,
    READY_MESSAGE,
    is_allocated,
    read_cidrs,
    service_of_address,
)
from kubeapi.scheme import IPADDRESSES, SERVICECIDRS, SERVICES

if TYPE_CHECKING:
    from kubeapi.registry.registry import Registry


def repair_addresses(registry: Registry) -> None:
    """Make the IPAddresses those of the Services, where a saved state has others."""
    for service in registry.store.list(SERVICES):
        registry.record(SERVICES, service, None)
    for obj in filter(is_allocated, registry.store.list(IPADDRESSES)):
        parent, address = service_of_address(obj), key_of(obj)
        holder = registry.store.find(SERVICES, parent) if parent else None
        if holder is None or address.name not in holder["spec"].get("clusterIPs", ()):
            registry.delete(IPADDRESSES, *address)


def set_service_cidr(registry: Registry) -> None:
    """Create the ServiceCIDR of the configuration, or change its CIDRs to those of a changed configuration."""
    cidrs, store = list(registry.config.service_cidrs), registry.store
    found = store.find(SERVICECIDRS, ObjectKey("", DEFAULT_NAME))
    if found is None:
        metadata = {"name": DEFAULT_NAME, "finalizers": [FINALIZER]}
        created = registry.create(SERVICECIDRS, {"metadata": metadata, "spec": {"cidrs": cidrs}})
        ready = {"type": "Ready", "status": "True", "reason": "", "message": READY_MESSAGE}
        condition = {"lastTransitionTime": created["metadata"]["creationTimestamp"], **ready}
        registry.update_status(SERVICECIDRS, {**created, "status": {"conditions": [condition]}})
    elif read_cidrs(found) != cidrs:
        # A real cluster keeps the old ones and complains; here the network has only the new ones.
        store.update(SERVICECIDRS, {**found, "spec": {"cidrs": cidrs}})

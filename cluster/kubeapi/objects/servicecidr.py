"""What a ServiceCIDR says of itself, and the IPAddress of a cluster IP (networking.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON, ObjectKey, is_terminating, labels_of
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import IPADDRESSES, SERVICES

DEFAULT_NAME = "kubernetes"
"""The ServiceCIDR of the cluster's configuration."""
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
"""Keeps a ServiceCIDR whose addresses are in use."""
READY_MESSAGE = "Kubernetes Service CIDR is ready"
"""Of the condition Ready."""
FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"
"""The value of the label of an IPAddress that was allocated for a Service."""


_VERSION = IPADDRESSES.api_version
_LABELS = {each: {FAMILY_LABEL: each, MANAGED_BY_LABEL: MANAGER} for each in ("IPv4", "IPv6")}
"""Both are shared by all IPAddresses, as nobody changes an object of the Store: there is one for each Service."""


def read_cidrs(obj: JSON) -> Sequence[str]:
    """Return the CIDRs of a ServiceCIDR."""
    return list_at(obj, "spec", "cidrs")


def is_allocatable(obj: JSON) -> bool:
    """Tell whether addresses are given from a ServiceCIDR; one without a condition is ready."""
    condition = find_condition(obj, "Ready")
    return not is_terminating(obj) and (condition is None or condition.get("status") == "True")


def new_ip_address(address: str, service: ObjectKey) -> JSON:
    """Return the IPAddress that says which Service has a cluster IP."""
    return {
        "apiVersion": _VERSION,
        "kind": IPADDRESSES.kind,
        "metadata": {"name": address, "labels": _LABELS["IPv6" if ":" in address else "IPv4"]},
        "spec": {"parentRef": {"resource": SERVICES.plural, "namespace": service.namespace, "name": service.name}},
    }


def is_allocated(obj: JSON) -> bool:
    """Tell whether an IPAddress was allocated for a Service, rather than written by a user."""
    return labels_of(obj).get(MANAGED_BY_LABEL) == MANAGER


def service_of_address(obj: JSON) -> ObjectKey | None:
    """Return the Service that an IPAddress refers to, None if it refers to something else."""
    parent = map_at(obj, "spec", "parentRef")
    if parent.get("group") or parent.get("resource") != SERVICES.plural:
        return None
    return ObjectKey(parent.get("namespace") or "", parent.get("name") or "")

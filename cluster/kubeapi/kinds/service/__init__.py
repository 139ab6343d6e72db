"""Service: defaults, first status, warnings (pkg/apis/core/v1/defaults.go, pkg/registry/core/service/strategy.go)."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import STATUS, Kind, Subresource
from kubeapi.kinds.service.addressnotes import address_notes
from kubeapi.kinds.service.allocation import ServiceAllocator
from kubeapi.kinds.service.balancing import balancing_warnings
from kubeapi.kinds.service.spec import is_externally_accessible
from kubeapi.kinds.service.status import validate_service_status
from kubeapi.kinds.service.validation import validate_service, validate_service_update
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.weight import misplaced_weight
from kubeapi.quota.others import SERVICES as COUNTED_SERVICES
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import SERVICES
from kubeapi.status import FieldError
from kubeapi.validation.names import dns1123_label
from kubeapi.validation.warnings import verbatim

AFFINITY_TIMEOUT_SECONDS = 10800
"""Default of sessionAffinityConfig.clientIP.timeoutSeconds."""

_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client_ip = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client_ip.setdefault("timeoutSeconds", AFFINITY_TIMEOUT_SECONDS)
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports", ()):
        port["protocol"] = port.get("protocol") or "TCP"
        if not port.get("targetPort") and "port" in port:
            port["targetPort"] = port["port"]
    if is_externally_accessible(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _set_status_defaults(obj: JSON) -> None:
    """Set ipMode VIP for addresses of load balancers without an ipMode."""
    for ingress in obj.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"loadBalancer": {}}


def _warnings(before: JSON | None, service: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    """Yield the warnings of k8s.io/kubernetes ``pkg/api/service/warnings.go``, word for word, and our own."""
    spec = service.get("spec", {})
    if _HINTS in annotations_of(service):
        yield verbatim(
            f"metadata.annotations[{_HINTS}]", f"annotation {_HINTS} is deprecated, please use {_MODE} instead"
        )
    yield from address_notes(spec)
    if spec.get("trafficDistribution") == "PreferClose":
        text = 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'
        yield verbatim("spec.trafficDistribution", text)
    yield from balancing_warnings(service, config)
    yield from misplaced_weight(before, service)


def _claims(manifest: JSON) -> bool:
    """Tell whether a manifest names a cluster IP or a node port."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        return False
    if any(spec.get(field) not in (None, "", "None") for field in ("clusterIP", "healthCheckNodePort")):
        return True
    ports = spec.get("ports")
    return isinstance(ports, list) and any(isinstance(port, dict) and port.get("nodePort") for port in ports)


KIND = Kind(
    resource=SERVICES,
    categories=("all",),
    subresources=(
        Subresource("proxy", ("create", "delete", "get", "patch", "update"), "ServiceProxyOptions"),
        STATUS,
    ),
    field_labels=("spec.clusterIP", "spec.type"),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    allows_create_on_update=True,
    allocator=ServiceAllocator,
    countable=COUNTED_SERVICES,
    set_status_defaults=_set_status_defaults,
    validate_name=dns1123_label,
    validate=validate_service,
    validate_update=validate_service_update,
    validate_status=validate_service_status,
    lists_update_faults_first=True,
    warnings=_warnings,
    returns_deleted=True,
    apply_rank=30,
    claims=_claims,
    requires_spec=True,
)

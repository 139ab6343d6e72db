"""What Services and claims take of a ResourceQuota. Pure.

Follows pkg/quota/v1/evaluator/core: services.go, persistent_volume_claims.go.
"""

from __future__ import annotations

from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.quota.countable import Countable, names_class

_SERVICES = frozenset(("services", "services.nodeports", "services.loadbalancers"))
_CLAIMS = ("persistentvolumeclaims", "requests.storage")
_CLASS = ".storageclass.storage.k8s.io/"


def _service_usage(service: JSON) -> dict[str, str]:
    spec = spec_of(service)
    kind, ports = spec.get("type"), list_at(spec, "ports")
    node_ports = len(ports) if kind in ("NodePort", "LoadBalancer") else 0
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
        node_ports = sum(1 for each in ports if each.get("nodePort"))
    balancers = int(kind == "LoadBalancer")
    return {"services": "1", "services.nodeports": str(node_ports), "services.loadbalancers": str(balancers)}


def _claim_usage(claim: JSON) -> dict[str, str]:
    annotation = annotations_of(claim).get("volume.beta.kubernetes.io/storage-class")
    storage_class = annotation or spec_of(claim).get("storageClassName") or ""
    taken = {"persistentvolumeclaims": "1"}
    size = map_at(claim, "spec", "resources", "requests").get("storage")
    if size is not None:
        taken["requests.storage"] = str(size)
    of_class = {f"{storage_class}{_CLASS}{name}": value for name, value in taken.items()} if storage_class else {}
    return {**taken, **of_class}


def _is_claims(name: str) -> bool:
    return name in _CLAIMS or any(name.endswith(f"{_CLASS}{each}") for each in _CLAIMS)


def _has_attributes(requirement: JSON, claim: JSON) -> bool:
    """Tell whether a claim is in the scope VolumeAttributesClass: by the class that it asks for, has, or is getting."""
    if requirement.get("scopeName") != "VolumeAttributesClass":
        return False
    status = status_of(claim)
    named = (
        spec_of(claim).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        map_at(status, "modifyVolumeStatus").get("targetVolumeAttributesClassName"),
    )
    return any(names_class(requirement, each) for each in [each for each in named if each] or [""])


SERVICES = Countable(_service_usage, _SERVICES.__contains__, has_updates=True)
CLAIMS = Countable(_claim_usage, _is_claims, is_in=_has_attributes, has_updates=True)

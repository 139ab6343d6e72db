"""ResourceClaim (pkg/apis/resource/v1/defaults.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import RESOURCECLAIMS
from kubeapi.validation.admission import without_effect


def set_request_defaults(devices: JSON) -> None:
    """Fill in how many devices each request of a claim's ``devices`` asks for."""
    for request in list_at(devices, "requests"):
        for each in (*filter(None, (request.get("exactly"),)), *list_at(request, "firstAvailable")):
            if not each.get("allocationMode"):
                each["allocationMode"] = "ExactCount"
            if each["allocationMode"] == "ExactCount" and not each.get("count"):
                each["count"] = 1
            for toleration in list_at(each, "tolerations"):
                if not toleration.get("operator"):
                    toleration["operator"] = "Equal"


def _set_defaults(obj: JSON) -> None:
    set_request_defaults(map_at(obj, "spec", "devices"))


KIND = Kind(
    resource=RESOURCECLAIMS,
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    warnings=without_effect("allocates no devices"),
)

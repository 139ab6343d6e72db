"""CSIDriver (pkg/apis/storage/v1/defaults.go)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import CSIDRIVERS
from kubeapi.validation.admission import without_effect

_DEFAULTS = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
    "preventPodSchedulingIfMissing": False,
}


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    for name, default in _DEFAULTS.items():
        spec.setdefault(name, default)
    spec.setdefault("volumeLifecycleModes", ["Persistent"])


KIND = Kind(
    resource=CSIDRIVERS,
    set_defaults=_set_defaults,
    warnings=without_effect("has no volumes of CSI drivers"),
)

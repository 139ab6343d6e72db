"""CSINode (k8s.io/api storage/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import CSINODES
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=CSINODES,
    warnings=without_effect("has no volumes of CSI drivers"),
)

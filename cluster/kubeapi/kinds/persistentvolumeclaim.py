"""PersistentVolumeClaim (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS

KIND = Kind(
    resource=PERSISTENTVOLUMECLAIMS,
    subresources=(STATUS,),
    apply_rank=20,
    requires_spec=True,
)

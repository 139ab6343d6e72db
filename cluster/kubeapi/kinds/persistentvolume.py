"""PersistentVolume (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.scheme import PERSISTENTVOLUMES

KIND = Kind(
    resource=PERSISTENTVOLUMES,
    subresources=(STATUS,),
    apply_rank=10,
    requires_spec=True,
)

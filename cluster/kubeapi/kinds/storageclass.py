"""StorageClass (k8s.io/api storage/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import STORAGECLASSES

KIND = Kind(
    resource=STORAGECLASSES,
    apply_rank=10,
)

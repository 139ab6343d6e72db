"""RuntimeClass (k8s.io/api node/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import RUNTIMECLASSES

KIND = Kind(
    resource=RUNTIMECLASSES,
    apply_rank=10,
)

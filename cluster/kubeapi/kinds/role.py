"""Role (k8s.io/api rbac/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import ROLES

KIND = Kind(
    resource=ROLES,
    apply_rank=20,
)

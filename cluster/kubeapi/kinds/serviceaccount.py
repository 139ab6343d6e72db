"""ServiceAccount (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import SERVICEACCOUNTS

KIND = Kind(
    resource=SERVICEACCOUNTS,
    apply_rank=20,
)

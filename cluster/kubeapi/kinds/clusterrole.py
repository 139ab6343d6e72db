"""ClusterRole (k8s.io/api rbac/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import CLUSTERROLES

KIND = Kind(
    resource=CLUSTERROLES,
    apply_rank=20,
)

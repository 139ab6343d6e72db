"""ClusterRoleBinding (k8s.io/api rbac/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import CLUSTERROLEBINDINGS

KIND = Kind(
    resource=CLUSTERROLEBINDINGS,
    apply_rank=20,
)

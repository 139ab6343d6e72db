"""ClusterRoleBinding (pkg/apis/rbac/validation ValidateClusterRoleBinding)."""

from __future__ import annotations

from functools import partial

from kubeapi.kind import Kind
from kubeapi.scheme import CLUSTERROLEBINDINGS
from kubeapi.validation.names import path_segment
from kubeapi.validation.rbac import set_binding_defaults, validate_binding, validate_binding_update

KIND = Kind(
    resource=CLUSTERROLEBINDINGS,
    allows_create_on_update=True,
    set_defaults=set_binding_defaults,
    validate_name=path_segment,
    validate=partial(validate_binding, roles=("ClusterRole",), is_namespaced=False),
    validate_update=validate_binding_update,
    apply_rank=20,
)

"""RoleBinding (pkg/apis/rbac/validation ValidateRoleBinding)."""

from __future__ import annotations

from functools import partial

from kubeapi.kind import Kind
from kubeapi.scheme import ROLEBINDINGS
from kubeapi.validation.names import path_segment
from kubeapi.validation.rbac import set_binding_defaults, validate_binding, validate_binding_update

KIND = Kind(
    resource=ROLEBINDINGS,
    allows_create_on_update=True,
    set_defaults=set_binding_defaults,
    validate_name=path_segment,
    validate=partial(validate_binding, roles=("Role", "ClusterRole"), is_namespaced=True),
    validate_update=validate_binding_update,
    apply_rank=20,
)

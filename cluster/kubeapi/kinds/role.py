"""Role (pkg/apis/rbac/validation ValidateRole)."""

from __future__ import annotations

from functools import partial

from kubeapi.kind import Kind
from kubeapi.scheme import ROLES
from kubeapi.validation.names import path_segment
from kubeapi.validation.rbac import validate_rules

KIND = Kind(
    resource=ROLES,
    allows_create_on_update=True,
    validate_name=path_segment,
    validate=partial(validate_rules, is_namespaced=True),
    apply_rank=20,
)

"""ClusterRole (pkg/apis/rbac/validation ValidateClusterRole)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import CLUSTERROLES
from kubeapi.validation.faults import Faults
from kubeapi.validation.names import path_segment
from kubeapi.validation.rbac import validate_aggregation, validate_rules


def _validate(obj: JSON) -> Faults:
    yield from validate_rules(obj, is_namespaced=False)
    yield from validate_aggregation(obj)


KIND = Kind(
    resource=CLUSTERROLES,
    allows_create_on_update=True,
    validate_name=path_segment,
    validate=_validate,
    apply_rank=20,
)

"""StatefulSet (k8s.io/api apps/v1)."""

from __future__ import annotations

from kubeapi.kind import SCALE, STATUS, Kind, content_of
from kubeapi.scheme import STATEFULSETS

KIND = Kind(
    resource=STATEFULSETS,
    categories=("all",),
    subresources=(SCALE, STATUS),
    desired_state=content_of,
    apply_rank=80,
    requires_spec=True,
)

"""ReplicationController (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import SCALE, STATUS, Kind, content_of
from kubeapi.scheme import REPLICATIONCONTROLLERS

KIND = Kind(
    resource=REPLICATIONCONTROLLERS,
    categories=("all",),
    subresources=(SCALE, STATUS),
    field_labels=("status.replicas",),
    desired_state=content_of,
    apply_rank=70,
    requires_spec=True,
)

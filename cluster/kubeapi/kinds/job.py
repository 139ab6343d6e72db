"""Job (k8s.io/api batch/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import JOBS

KIND = Kind(
    resource=JOBS,
    categories=("all",),
    subresources=(STATUS,),
    field_labels=("status.successful",),
    desired_state=content_of,
    apply_rank=80,
    requires_spec=True,
)

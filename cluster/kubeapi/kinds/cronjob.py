"""CronJob (k8s.io/api batch/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import CRONJOBS

KIND = Kind(
    resource=CRONJOBS,
    categories=("all",),
    subresources=(STATUS,),
    desired_state=content_of,
    apply_rank=80,
    requires_spec=True,
)

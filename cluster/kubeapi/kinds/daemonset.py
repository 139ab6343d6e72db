"""DaemonSet (k8s.io/api apps/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import DAEMONSETS

KIND = Kind(
    resource=DAEMONSETS,
    categories=("all",),
    subresources=(STATUS,),
    desired_state=content_of,
    apply_rank=80,
    requires_spec=True,
)

"""ResourceQuota (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.scheme import RESOURCEQUOTAS

KIND = Kind(
    resource=RESOURCEQUOTAS,
    subresources=(STATUS,),
    apply_rank=20,
)

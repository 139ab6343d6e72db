"""ServiceCIDR (k8s.io/api networking/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.scheme import SERVICECIDRS

KIND = Kind(
    resource=SERVICECIDRS,
    subresources=(STATUS,),
    apply_rank=20,
)

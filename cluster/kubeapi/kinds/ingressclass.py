"""IngressClass (k8s.io/api networking/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import INGRESSCLASSES

KIND = Kind(
    resource=INGRESSCLASSES,
    desired_state=content_of,
    apply_rank=20,
)

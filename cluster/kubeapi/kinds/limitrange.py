"""LimitRange (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import LIMITRANGES

KIND = Kind(
    resource=LIMITRANGES,
    apply_rank=20,
)

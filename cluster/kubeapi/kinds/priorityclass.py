"""PriorityClass (k8s.io/api scheduling/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import PRIORITYCLASSES

KIND = Kind(
    resource=PRIORITYCLASSES,
    desired_state=content_of,
    apply_rank=10,
)

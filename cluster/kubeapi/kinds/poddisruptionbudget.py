"""PodDisruptionBudget (k8s.io/api policy/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import PODDISRUPTIONBUDGETS

KIND = Kind(
    resource=PODDISRUPTIONBUDGETS,
    subresources=(STATUS,),
    desired_state=content_of,
)

"""ControllerRevision (k8s.io/api apps/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import CONTROLLERREVISIONS

KIND = Kind(
    resource=CONTROLLERREVISIONS,
    apply_rank=70,
    is_authored=False,
)

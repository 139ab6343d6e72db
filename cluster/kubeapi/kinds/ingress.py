"""Ingress (k8s.io/api networking/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import INGRESSES

KIND = Kind(
    resource=INGRESSES,
    subresources=(STATUS,),
    desired_state=content_of,
)

"""NetworkPolicy (k8s.io/api networking/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import NETWORKPOLICIES

KIND = Kind(
    resource=NETWORKPOLICIES,
    desired_state=content_of,
)

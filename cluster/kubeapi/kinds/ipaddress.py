"""IPAddress (k8s.io/api networking/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.scheme import IPADDRESSES

KIND = Kind(
    resource=IPADDRESSES,
    is_authored=False,
)

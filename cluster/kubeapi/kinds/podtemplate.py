"""PodTemplate (k8s.io/api core/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import PODTEMPLATES

KIND = Kind(
    resource=PODTEMPLATES,
    desired_state=content_of,
)

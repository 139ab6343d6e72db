"""ResourceSlice (k8s.io/api resource/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import RESOURCESLICES
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=RESOURCESLICES,
    desired_state=content_of,
    warnings=without_effect("allocates no devices"),
)

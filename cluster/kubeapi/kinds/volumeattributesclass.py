"""VolumeAttributesClass (k8s.io/api storage/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import VOLUMEATTRIBUTESCLASSES
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=VOLUMEATTRIBUTESCLASSES,
    desired_state=content_of,
    warnings=without_effect("has no volumes of CSI drivers"),
)

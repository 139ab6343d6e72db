"""VolumeAttachment (k8s.io/api storage/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.scheme import VOLUMEATTACHMENTS
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=VOLUMEATTACHMENTS,
    subresources=(STATUS,),
    warnings=without_effect("has no volumes of CSI drivers"),
)

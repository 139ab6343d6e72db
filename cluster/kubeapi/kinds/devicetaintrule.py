"""DeviceTaintRule (k8s.io/api resource/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import DEVICETAINTRULES
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=DEVICETAINTRULES,
    subresources=(STATUS,),
    desired_state=content_of,
    warnings=without_effect("allocates no devices"),
)

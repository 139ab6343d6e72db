"""PodCertificateRequest (k8s.io/api certificates/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import PODCERTIFICATEREQUESTS
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=PODCERTIFICATEREQUESTS,
    subresources=(STATUS,),
    desired_state=content_of,
    warnings=without_effect("hands no certificates to pods"),
)

"""PodCertificateRequest (pkg/registry/certificates/podcertificaterequest/strategy.go).

The kubelet makes them, and a signer that is no part of the cluster answers.
"""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import PODCERTIFICATEREQUESTS

_SECONDS = 86400
"""maxExpirationSeconds of a request that does not say (pkg/apis/certificates/v1)."""


def _set_defaults(obj: JSON) -> None:
    if isinstance(spec := obj.get("spec"), dict):
        spec.setdefault("maxExpirationSeconds", _SECONDS)


KIND = Kind(
    resource=PODCERTIFICATEREQUESTS,
    subresources=(STATUS,),
    field_labels=("spec.signerName", "spec.podName", "spec.nodeName"),
    set_defaults=_set_defaults,
    desired_state=content_of,
)

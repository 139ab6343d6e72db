"""APIService (k8s.io/kube-aggregator apiregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.scheme import APISERVICES
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=APISERVICES,
    subresources=(STATUS,),
    categories=("api-extensions",),
    desired_state=content_of,
    warnings=without_effect("asks no other API server"),
)

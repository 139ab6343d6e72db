"""ResourceClaimTemplate (pkg/apis/resource/v1/defaults.go)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.kinds.resourceclaim import set_request_defaults
from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.scheme import RESOURCECLAIMTEMPLATES
from kubeapi.validation.admission import without_effect


def _set_defaults(obj: JSON) -> None:
    set_request_defaults(map_at(obj, "spec", "spec", "devices"))


KIND = Kind(
    resource=RESOURCECLAIMTEMPLATES,
    set_defaults=_set_defaults,
    warnings=without_effect("allocates no devices"),
)

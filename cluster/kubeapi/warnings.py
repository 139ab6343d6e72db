"""What the writer of an object is warned of, though it is taken as it is. Pure.

Services and EndpointSlices follow k8s.io/kubernetes ``pkg/api/service/warnings.go`` and the strategy of slices, word
for word; what pods ask for in vain is ``podwarnings``'.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON, annotations_of
from kubeapi.podwarnings import pod_warnings
from kubeapi.scheme import ENDPOINTSLICES, SERVICES, Resource
from kubeapi.status import FieldError

_WORD_FOR_WORD = "Kubernetes"
"""Reason of a warning whose message is all of it; the field only says where it is."""

_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"


def warnings_of(resource: Resource, before: JSON | None, after: JSON) -> list[FieldError]:
    """Return the warnings that a write deserves; ``before`` is None if it created the object, both are as stored."""
    if resource is SERVICES:
        return list(_service_warnings(after))
    if resource is ENDPOINTSLICES and before is None and after.get("addressType") == "FQDN":
        return [FieldError(_WORD_FOR_WORD, "addressType", "spec.addressType: FQDN endpoints are deprecated")]
    return pod_warnings(resource, before, after)


def warning_text(warning: FieldError) -> str:
    """Return a warning as the API's header has it."""
    return warning.message if warning.reason == _WORD_FOR_WORD else str(warning)


def _service_warnings(service: JSON) -> Iterator[FieldError]:
    spec = service.get("spec") or {}
    is_name = spec.get("type") == "ExternalName"
    if _HINTS in annotations_of(service):
        text = f"annotation {_HINTS} is deprecated, please use {_MODE} instead"
        yield FieldError(_WORD_FOR_WORD, f"metadata.annotations[{_HINTS}]", text)
    if is_name and spec.get("externalIPs"):
        text = 'spec.externalIPs is ignored when spec.type is "ExternalName"'
        yield FieldError(_WORD_FOR_WORD, "spec.externalIPs", text)
    if not is_name and spec.get("externalName"):
        text = 'spec.externalName is ignored when spec.type is not "ExternalName"'
        yield FieldError(_WORD_FOR_WORD, "spec.externalName", text)

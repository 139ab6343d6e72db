"""What the writer of a Service is told about its addresses (``pkg/api/service/warnings.go``), word for word."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS
from kubeapi.status import FieldError
from kubeapi.validation.addresses import address_warnings, cidr_warnings
from kubeapi.validation.warnings import verbatim

_DEPRECATED = "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
_IGNORED = (
    ("loadBalancerIP", "spec.loadBalancerIP is ignored for headless services"),
    ("externalIPs", "spec.externalIPs is ignored for headless services"),
)


def address_notes(spec: JSON) -> Iterator[FieldError]:
    """Yield the warnings in the real server's order."""
    is_name = spec.get("type") == "ExternalName"
    is_headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == HEADLESS
    external = spec.get("externalIPs") or ()
    if not is_name and spec.get("clusterIP") != HEADLESS:
        for index, each in enumerate(spec.get("clusterIPs") or ()):
            yield from address_warnings(f"spec.clusterIPs[{index}]", each)
    if is_headless:
        yield from _headless_notes(spec)
    for index, each in enumerate(external):
        yield from address_warnings(f"spec.externalIPs[{index}]", each)
    if external and not is_headless and not is_name:
        yield verbatim("spec.externalIPs", _DEPRECATED)
    yield from address_warnings("spec.loadBalancerIP", spec.get("loadBalancerIP", ""))
    for index, each in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        yield from cidr_warnings(f"spec.loadBalancerSourceRanges[{index}]", each)
    if is_name and external:
        yield verbatim("spec.externalIPs", 'spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not is_name and spec.get("externalName"):
        yield verbatim("spec.externalName", 'spec.externalName is ignored when spec.type is not "ExternalName"')


def _headless_notes(spec: JSON) -> Iterator[FieldError]:
    for field, text in _IGNORED:
        if spec.get(field):
            yield verbatim(f"spec.{field}", text)
    if spec.get("sessionAffinity") != "None":
        yield verbatim("spec.sessionAffinity", "spec.SessionAffinity is ignored for headless services")

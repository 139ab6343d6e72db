"""FlowSchema (pkg/apis/flowcontrol/v1/defaults.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import FLOWSCHEMAS
from kubeapi.validation.admission import without_effect


def _set_defaults(obj: JSON) -> None:
    obj.setdefault("spec", {}).setdefault("matchingPrecedence", 1000)


KIND = Kind(
    resource=FLOWSCHEMAS,
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    desired_state=content_of,
    warnings=without_effect("answers requests in the order in which they come"),
)

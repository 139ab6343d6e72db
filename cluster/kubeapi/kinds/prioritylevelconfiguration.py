"""PriorityLevelConfiguration (pkg/apis/flowcontrol/v1/defaults.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import PRIORITYLEVELCONFIGURATIONS
from kubeapi.validation.admission import without_effect

_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
_SHARES = {"limited": 30, "exempt": 0}


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    for kind, shares in _SHARES.items():
        if kind in spec:
            spec[kind].setdefault("nominalConcurrencyShares", shares)
            spec[kind].setdefault("lendablePercent", 0)
    queuing = spec.get("limited", {}).get("limitResponse", {}).get("queuing")
    if queuing is not None:
        for name, default in _QUEUING.items():
            queuing.setdefault(name, default)


KIND = Kind(
    resource=PRIORITYLEVELCONFIGURATIONS,
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    desired_state=content_of,
    warnings=without_effect("answers requests in the order in which they come"),
)

"""What a metav1.Condition must be (apimachinery ``meta/v1/validation`` ValidateConditions)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, duplicate, each_invalid, invalid, required, too_long, unsupported
from kubeapi.validation.names import qualified_name

_STATUSES = ("False", "True", "Unknown")
_LONGEST_REASON, _LONGEST_MESSAGE = 1024, 32 * 1024
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_FAULT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
    " characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or"
    f" 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '{_REASON}')"
)


def validate_conditions(conditions: Sequence[JSON], path: str) -> Faults:
    """Yield the faults of a list of conditions."""
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        where, kind = f"{path}[{index}]", condition.get("type", "")
        if kind in seen:
            yield duplicate(where, kind)
        seen.add(kind)
        yield from _validate_condition(condition, where)


def _validate_condition(condition: JSON, path: str) -> Faults:
    kind, status, reason = (condition.get(each, "") for each in ("type", "status", "reason"))
    if not kind:
        yield required(f"{path}.type", "is required")
    else:
        yield from each_invalid(f"{path}.type", kind, qualified_name(kind))
    if not status:
        yield required(f"{path}.status")
    elif status not in _STATUSES:
        yield unsupported(f"{path}.status", status, _STATUSES)
    if (generation := condition.get("observedGeneration", 0)) < 0:
        yield invalid(f"{path}.observedGeneration", generation, "must be greater than or equal to zero")
    if not condition.get("lastTransitionTime"):
        yield required(f"{path}.lastTransitionTime")
    if not reason:
        yield required(f"{path}.reason")
    elif not re.fullmatch(_REASON, reason):
        yield invalid(f"{path}.reason", reason, _REASON_FAULT)
    if len(reason) > _LONGEST_REASON:
        yield too_long(f"{path}.reason", _LONGEST_REASON)
    if len(condition.get("message", "")) > _LONGEST_MESSAGE:
        yield too_long(f"{path}.message", _LONGEST_MESSAGE)

"""The conditions in an object's status: at most one of each type (k8s.io/apimachinery ``api/meta/conditions.go``)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.objects.parts import status_of


def conditions_of(obj: JSON) -> Sequence[JSON]:
    """Return all conditions of an object."""
    return status_of(obj).get("conditions") or ()


def find_condition(obj: JSON, kind: str) -> JSON | None:
    """Return the condition of a type, None if the object has none of it."""
    for condition in status_of(obj).get("conditions") or ():
        if condition.get("type") == kind:
            found: JSON = condition
            return found
    return None


def is_condition_true(obj: JSON, kind: str) -> bool:
    """Tell whether the object has the condition, and it is True."""
    for condition in status_of(obj).get("conditions") or ():
        if condition.get("type") == kind:
            return bool(condition.get("status") == "True")
    return False


def with_condition(status: JSON, condition: JSON) -> JSON:
    """Return a status with the condition in place of the one of its type; it is the last one then."""
    others = [each for each in status.get("conditions") or () if each.get("type") != condition["type"]]
    return {**status, "conditions": [*others, condition]}

"""PriorityClass (pkg/apis/scheduling/validation, plugin/pkg/admission/priority)."""

from __future__ import annotations

from kubeapi.kind import Kind, Objects, content_of
from kubeapi.meta import JSON
from kubeapi.objects.priority import SYSTEM_CLASSES, default_class
from kubeapi.scheme import PRIORITYCLASSES
from kubeapi.status import Forbidden
from kubeapi.validation.faults import Faults, forbidden, invalid, unsupported

_SYSTEM, _LARGEST = "system-", 1_000_000_000
_POLICIES = frozenset(("PreemptLowerPriority", "Never"))


def _set_defaults(obj: JSON) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _review(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Refuse a second class that is the default."""
    if not new.get("globalDefault"):
        return
    default = default_class(objects)
    name = new["metadata"]["name"]
    if default is not None and (old is None or default["metadata"]["name"] != name):
        taken = default["metadata"]["name"]
        detail = f"PriorityClass {taken} is already marked as default. Only one default can exist"
        raise Forbidden(PRIORITYCLASSES, name, detail)


def _validate(obj: JSON) -> Faults:
    name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
    if name.startswith(_SYSTEM):
        if fault := _system_fault(name, value, is_default=bool(obj.get("globalDefault"))):
            reserved = "priority class names with 'system-' prefix are reserved for system use only."
            yield forbidden("metadata.name", f"{reserved} error: {fault}")
    elif value > _LARGEST:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {_LARGEST}")
    policy = obj.get("preemptionPolicy")
    if policy is not None and policy not in _POLICIES:
        yield unsupported("preemptionPolicy", policy, ("PreemptLowerPriority", "Never"))


def _system_fault(name: str, value: int, *, is_default: bool) -> str:
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_CLASSES[name].value:
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name].value}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def _validate_update(new: JSON, old: JSON) -> Faults:
    if new.get("value", 0) != old.get("value", 0):
        yield forbidden("value", "may not be changed in an update.")
    if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        yield invalid("preemptionPolicy", new.get("preemptionPolicy"), "field is immutable")


KIND = Kind(
    resource=PRIORITYCLASSES,
    set_defaults=_set_defaults,
    desired_state=content_of,
    validate=_validate,
    validate_update=_validate_update,
    review=_review,
    apply_rank=10,
)

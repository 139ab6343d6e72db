"""Which names of a CustomResourceDefinition are accepted: those that no other one of its group has. Pure.

Follows apiextensions-apiserver ``controller/status/naming_controller.go`` and ``controller/establish``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubeapi.meta import JSON, format_time
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.parts import spec_of, status_of

_RESOURCES, _KINDS = ("plural", "singular"), ("kind", "listKind")
_REASONS = {
    "plural": "PluralConflict",
    "singular": "SingularConflict",
    "shortNames": "ShortNamesConflict",
    "kind": "KindConflict",
    "listKind": "ListKindConflict",
}


def status_with_names(crd: JSON, others: Sequence[JSON], now: float) -> JSON:
    """Return the status with accepted names and conditions; ``others`` are the other definitions of the group."""
    wanted, status = spec_of(crd).get("names", {}), status_of(crd)
    accepted, conflict = _accepted(wanted, status.get("acceptedNames", {}), others)
    reason, message = conflict or ("NoConflicts", "no conflicts found")
    status = {**status, "acceptedNames": accepted}
    status = with_status_condition(status, ("NamesAccepted", not conflict, reason, message), now)
    established = find_condition(crd, "Established")
    if established is not None and established.get("status") == "True":
        return status
    if conflict:
        reason, message = "NotAccepted", "not all names are accepted"
    else:
        reason, message = "InitialNamesAccepted", "the initial names have been accepted"
    return with_status_condition(status, ("Established", not conflict, reason, message), now)


def _accepted(wanted: JSON, before: JSON, others: Sequence[JSON]) -> tuple[JSON, tuple[str, str] | None]:
    """Return the accepted names, and the reason and message of the last conflict, None without one."""
    resources, kinds = _taken(others)
    accepted, conflict = dict(before), None
    for field in (*_RESOURCES, "shortNames", *_KINDS):
        taken = (kinds if field in _KINDS else resources).__contains__
        clashes = _clashes(wanted.get(field), before.get(field), taken)
        if clashes:
            conflict = (_REASONS[field], clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]")
        elif field in wanted:
            accepted[field] = wanted[field]
        else:
            accepted.pop(field, None)
    if "categories" in wanted:
        accepted["categories"] = wanted["categories"]
    else:
        accepted.pop("categories", None)
    return accepted, conflict


def _clashes(wanted: object, before: object, is_taken: Callable[[object], bool]) -> list[str]:
    if wanted == before:
        return []
    own = before if isinstance(before, list) else [before]
    names = wanted if isinstance(wanted, list) else [wanted]
    return [f'"{each}" is already in use' for each in names if each and each not in own and is_taken(each)]


def _taken(others: Sequence[JSON]) -> tuple[set[str], set[str]]:
    resources, kinds = set[str](), set[str]()
    for each in others:
        names = status_of(each).get("acceptedNames", {})
        resources.update(names.get(field, "") for field in _RESOURCES)
        resources.update(names.get("shortNames", ()))
        kinds.update(names.get(field, "") for field in _KINDS)
    return resources, kinds


def with_status_condition(status: JSON, condition: tuple[str, bool, str, str], now: float) -> JSON:
    """Return a status with a condition (type, whether it is true, reason, message); its time is of its last change."""
    kind, is_true, reason, message = condition
    known = find_condition({"status": status}, kind)
    value = "True" if is_true else "False"
    has_changed = known is None or known.get("status") != value
    time = format_time(now) if known is None or has_changed else known.get("lastTransitionTime")
    new = {"lastTransitionTime": time, "message": message, "reason": reason, "status": value, "type": kind}
    return status if known == new else with_condition(status, new)

"""The faults of an object by the rules of its schema (apiextensions-apiserver ``schema/cel/validation.go``). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kubeapi.cel.evaluation.evaluator import TOO_COSTLY, Budget
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.program import PER_OBJECT
from kubeapi.cel.values import NOTHING, Optional
from kubeapi.customresources.cel.rules import Rule, Rules
from kubeapi.customresources.cel.types import to_value
from kubeapi.customresources.schema.ratcheting import earlier_item
from kubeapi.customresources.schema.validation import NO_PATH
from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.faults import forbidden, go_value, invalid, required, without_value

_LONGEST_MESSAGE = 5 * 1024
_BLOCKING = frozenset(f"FieldValue{each}" for each in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid"))
_NO_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class RuleFault(NamedTuple):
    """A fault; ``is_tolerated`` if the value is as it was before the update (KEP-4008)."""

    fault: FieldError
    is_tolerated: bool = False


class _Place(NamedTuple):
    """A value, what it was before, and whether it (or what it is in, if that cannot be told) is as it was."""

    path: str
    new: Any
    old: Any
    is_same: bool
    has_match: bool

    def below(self, path: str, new: Any, old: Any, *, has_match: bool) -> _Place:
        if not self.has_match or not has_match:
            return _Place(path, new, None, self.is_same, has_match=False)
        return _Place(path, new, old, new == old, has_match=True)


class _Stop(Exception):
    """Ends the validation of an object."""

    def __init__(self, fault: FieldError) -> None:
        super().__init__(str(fault))
        self.fault = fault


def rule_faults(rules: Rules, new: JSON, old: JSON | None) -> Iterator[RuleFault]:
    """Yield what the rules find in an object; ``old`` None: it is new."""
    place = _Place("", new, old, is_same=old is not None and new == old, has_match=old is not None)
    try:
        yield from _faults(rules, place, Budget(PER_OBJECT))
    except _Stop as stop:
        yield RuleFault(stop.fault)


def _faults(rules: Rules, at: _Place, budget: Budget) -> Iterator[RuleFault]:
    if at.new is None:
        return
    if rules.own:
        yield from _own_faults(rules, at, budget)
    for each in rules.all_of:
        yield from _faults(each, at, budget)
    if isinstance(at.new, dict):
        yield from _map_faults(rules, at, budget)
    elif isinstance(at.new, list) and rules.items is not None:
        for index, each in enumerate(at.new):
            old = earlier_item(each, at.old, rules.schema)
            below = at.below(f"{at.path}[{index}]", each, old, has_match=old is not None)
            yield from _faults(rules.items, below, budget)


def _map_faults(rules: Rules, at: _Place, budget: Budget) -> Iterator[RuleFault]:
    before = at.old if isinstance(at.old, dict) else {}
    for name, each in at.new.items():
        has_match = name in before
        if rules.additional is not None:
            below = at.below(f"{at.path}[{name}]", each, before.get(name), has_match=has_match)
            yield from _faults(rules.additional, below, budget)
        if (inner := rules.properties.get(name)) is not None:
            path = f"{at.path}.{name}" if at.path else name
            yield from _faults(inner, at.below(path, each, before.get(name), has_match=has_match), budget)


def _own_faults(rules: Rules, at: _Place, budget: Budget) -> Iterator[RuleFault]:
    value = to_value(at.new, rules.schema, is_resource=rules.is_resource)
    old = to_value(at.old, rules.schema, is_resource=rules.is_resource) if at.has_match else None
    for rule in rules.own:
        if rule.program is None:
            yield RuleFault(_whole_fault(rules, at, f"rule compile error: {rule.fault}"))
            continue
        if rule.uses_old and not at.has_match and not rule.is_optional_old:
            continue
        known = (Optional(old, has_value=True) if at.has_match else NOTHING) if rule.is_optional_old else old
        variables = {"self": value, "oldSelf": known}
        fault = _fault(rule, rules, at, variables, budget)
        if fault is not None:
            yield RuleFault(fault, is_tolerated=at.is_same and not rule.uses_old)


def _whole_fault(rules: Rules, at: _Place, detail: str) -> FieldError:
    return invalid(at.path or NO_PATH, rules.schema.get("type", ""), detail)


def _fault(rule: Rule, rules: Rules, at: _Place, variables: dict[str, Any], budget: Budget) -> FieldError | None:
    assert rule.program is not None
    shown = _shown(rule.spec)
    try:
        if rule.program.evaluate(variables, budget) is True:
            return None
    except EvaluationError as error:
        if str(error) == TOO_COSTLY:
            over = f"no further validation rules will be run due to call cost exceeds limit for rule: {shown}"
            detail = _NO_BUDGET if budget.left <= 0 else f"'{error}': {over}"
            raise _Stop(_whole_fault(rules, at, detail)) from None
        if str(error).startswith("no such overload"):
            what = "call arguments did not match a supported operator, function or macro signature for rule"
            return _whole_fault(rules, at, f"'{error}': {what}: {shown}")
        return _whole_fault(rules, at, f"{error} evaluating rule: {shown}")
    own = rule.spec.get("message", "").strip() or f"failed rule: {shown}"
    return _failed(rule.spec, rules, at, _message(rule, variables, budget) or own)


def _shown(spec: JSON) -> str:
    return str(spec.get("message") or spec.get("rule", "")).strip()


def _message(rule: Rule, variables: dict[str, Any], budget: Budget) -> str:
    """Return what the messageExpression says, "" if it says nothing that can be shown."""
    if rule.message is None:
        return ""
    try:
        text = str(rule.message.evaluate(variables, budget)).strip()
    except EvaluationError:
        return ""
    return "" if "\n" in text or len(text.encode()) > _LONGEST_MESSAGE else text


def _failed(spec: JSON, rules: Rules, at: _Place, detail: str) -> FieldError:
    below = spec.get("fieldPath", "").lstrip(".")
    path = f"{at.path}.{below}" if at.path and below else at.path or below or NO_PATH
    is_shown = rules.schema.get("type") not in ("object", "array")
    match spec.get("reason"):
        case "FieldValueForbidden":
            return forbidden(path, detail)
        case "FieldValueRequired":
            return required(path, detail)
        case "FieldValueDuplicate":
            shown = f"Duplicate value: {go_value(at.new)}" if is_shown else "Duplicate value"
            return FieldError("FieldValueDuplicate", path, shown)
    return invalid(path, at.new, detail) if is_shown else without_value(path, detail)


def unchecked_fault() -> FieldError:
    """Return what is said of an object whose rules are not evaluated, since it has other faults."""
    why = "some validation rules were not checked because the object was invalid"
    return invalid(NO_PATH, None, f"{why}; correct the existing errors to complete validation")


def is_blocking(faults: list[FieldError]) -> bool:
    """Tell whether an object has faults with which its rules cannot be evaluated."""
    return any(each.reason in _BLOCKING for each in faults)

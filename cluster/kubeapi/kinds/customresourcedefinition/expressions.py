"""The faults of the CEL expressions in a schema that has no other faults, and of the paths that rules name. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubeapi.customresources.cel.rules import Rule, compile_rules
from kubeapi.customresources.resource import RULES
from kubeapi.customresources.schema.pruning import EMBEDDED, items_of
from kubeapi.kinds.customresourcedefinition.costs import Costs, Place, inside
from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, GoText, invalid, struct_text

_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")


def expression_faults(schema: JSON, path: str) -> Faults:
    """Yield the faults of all expressions in the schema of a whole resource."""
    costs = Costs()
    yield from _faults(schema, schema, _At(path, costs, is_resource=True))
    yield from costs.total_faults(path)


class _At(NamedTuple):
    """Where a schema is: ``uncorrelated`` is the list above whose items have no earlier values, "" for none.

    ``times`` is how many values of it there may be, None for any number. Without ``costs`` none are counted.
    """

    path: str
    costs: Costs | None
    uncorrelated: str = ""
    times: int | None = 1
    is_resource: bool = False


def _faults(rules: JSON, schema: JSON, at: _At) -> Faults:
    """Yield the faults of rules."""
    if rules.get(RULES):
        place = Place.of(schema, at.times, is_resource=at.is_resource)
        for index, rule in enumerate(compile_rules(rules[RULES], schema, is_resource=at.is_resource)):
            path = f"{at.path}.{RULES}[{index}]"
            if at.costs is not None and place is not None:
                yield from _cost_faults(rule, path, at.costs, place)
            yield from _rule_faults(rule, path, at.uncorrelated)
    below = at._replace(times=inside(schema, at.times))
    for name, each in rules.get("properties", {}).items():
        inner = schema.get("properties", {}).get(name, {})
        yield from _inner(each, inner, below._replace(path=f"{at.path}.properties[{name}]"))
    if isinstance(more := rules.get("additionalProperties"), dict):
        yield from _inner(
            more, schema.get("additionalProperties"), below._replace(path=f"{at.path}.additionalProperties")
        )
    if (items := items_of(rules)) is not None:
        is_keyed = schema.get("x-kubernetes-list-type") == "map"
        uncorrelated = at.uncorrelated or ("" if is_keyed else at.path)
        yield from _inner(items, items_of(schema), below._replace(path=f"{at.path}.items", uncorrelated=uncorrelated))
    for index, each in enumerate(rules.get("allOf", ())):
        yield from _faults(each, schema, at._replace(path=f"{at.path}.allOf[{index}]", costs=None))


def _inner(rules: JSON, schema: JSON | None, at: _At) -> Faults:
    if isinstance(schema, dict):
        yield from _faults(rules, schema, at._replace(is_resource=bool(schema.get(EMBEDDED))))


def _cost_faults(rule: Rule, path: str, costs: Costs, place: Place) -> Faults:
    if rule.program is not None:
        yield from costs.faults(f"{path}.rule", place.cost(rule.program), "rule")
    if rule.message is not None:
        yield from costs.faults(f"{path}.messageExpression", place.message_cost(rule.message), "messageExpression")


def _rule_faults(rule: Rule, path: str, uncorrelated: str) -> Faults:
    if rule.fault:
        yield invalid(f"{path}.rule", _printed(rule.spec), rule.fault)
    if rule.message_fault:
        yield invalid(f"{path}.messageExpression", _printed(rule.spec), rule.message_fault)
    if rule.uses_old and uncorrelated:
        detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
        yield invalid(f"{path}.rule", rule.spec["rule"], detail)
    if not rule.uses_old and "optionalOldSelf" in rule.spec:
        given = rule.spec["optionalOldSelf"]
        yield invalid(f"{path}.optionalOldSelf", given, "may not be set if oldSelf is not used in rule")


def _printed(spec: JSON) -> GoText:
    """Return a rule as Go prints its struct."""
    return struct_text(
        {
            "Rule": spec.get("rule", ""),
            "Message": spec.get("message", ""),
            "MessageExpression": spec.get("messageExpression", ""),
            "Reason": spec.get("reason"),
            "FieldPath": spec.get("fieldPath", ""),
            "OptionalOldSelf": spec.get("optionalOldSelf"),
        }
    )


def is_path_of(schema: JSON, path: str) -> bool:
    """Tell whether the fieldPath of a rule leads to something that the schema has."""
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return False
        name, at = found[1] or found[2], found.end()
        inner = schema["properties"].get(name) if schema.get("properties") else schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return False
        schema = inner
    return True

"""The faults of the CEL expressions in a schema that has no other faults, and of the paths that rules name. Pure."""

from __future__ import annotations

import re

from kubeapi.customresources.cel.rules import Rule, compile_rules
from kubeapi.customresources.resource import RULES
from kubeapi.customresources.schema.pruning import EMBEDDED, items_of
from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, GoText, invalid, struct_text

_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")


def expression_faults(schema: JSON, path: str) -> Faults:
    """Yield the faults of all expressions in the schema of a whole resource."""
    yield from _faults(schema, schema, path, is_resource=True, uncorrelated="")


def _faults(rules: JSON, schema: JSON, path: str, *, is_resource: bool, uncorrelated: str) -> Faults:
    """Yield the faults of rules; ``uncorrelated`` is the list above whose items have no earlier values."""
    if rules.get(RULES):
        for index, rule in enumerate(compile_rules(rules[RULES], schema, is_resource=is_resource)):
            yield from _rule_faults(rule, f"{path}.{RULES}[{index}]", uncorrelated)
    for name, each in rules.get("properties", {}).items():
        inner = schema.get("properties", {}).get(name, {})
        yield from _inner(each, inner, f"{path}.properties[{name}]", uncorrelated)
    if isinstance(more := rules.get("additionalProperties"), dict):
        inner = schema.get("additionalProperties")
        yield from _inner(more, inner, f"{path}.additionalProperties", uncorrelated)
    if (items := items_of(rules)) is not None:
        is_keyed = schema.get("x-kubernetes-list-type") == "map"
        yield from _inner(items, items_of(schema), f"{path}.items", uncorrelated or ("" if is_keyed else path))
    for index, each in enumerate(rules.get("allOf", ())):
        below = f"{path}.allOf[{index}]"
        yield from _faults(each, schema, below, is_resource=is_resource, uncorrelated=uncorrelated)


def _inner(rules: JSON, schema: JSON | None, path: str, uncorrelated: str) -> Faults:
    if isinstance(schema, dict):
        is_resource = bool(schema.get(EMBEDDED))
        yield from _faults(rules, schema, path, is_resource=is_resource, uncorrelated=uncorrelated)


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

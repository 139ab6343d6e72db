"""The rules of ``x-kubernetes-validations``: compiled once for a schema (apiextensions ``schema/cel``). Pure.

``rules_of`` is imported for the first schema with a rule: no start and no other kind needs CEL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kubeapi.cel.environment import Environment
from kubeapi.cel.faults import CompilationError
from kubeapi.cel.program import Program, compiled
from kubeapi.cel.types import BOOL, STRING, optional_of
from kubeapi.customresources.cel.types import DeclaredTypes, with_metadata
from kubeapi.customresources.resource import RULES, Definition
from kubeapi.customresources.schema.pruning import EMBEDDED
from kubeapi.meta import JSON


class Rule(NamedTuple):
    """One rule. ``fault`` is why it cannot be evaluated, "" if it can; ``message_fault`` of its messageExpression."""

    spec: JSON
    program: Program | None
    fault: str = ""
    message: Program | None = None
    message_fault: str = ""

    @property
    def uses_old(self) -> bool:
        """Whether the rule is one of a change."""
        return self.program is not None and "oldSelf" in self.program.named

    @property
    def is_optional_old(self) -> bool:
        """Whether oldSelf is an optional value."""
        return bool(self.spec.get("optionalOldSelf"))


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of a schema and of the schemas in it; ``schema`` is as expressions see it."""

    schema: JSON
    is_resource: bool
    own: tuple[Rule, ...] = ()
    properties: Mapping[str, Rules] = field(default_factory=dict)
    additional: Rules | None = None
    items: Rules | None = None
    all_of: tuple[Rules, ...] = ()


@lru_cache(maxsize=64)
def rules_of(definition: Definition) -> Rules | None:
    """Return the rules of a version, None if it has none."""
    return read_rules(definition.schema, definition.schema, is_resource=True)


def read_rules(rules: JSON, schema: JSON, *, is_resource: bool) -> Rules | None:
    """Return the rules in a schema, None if there are none; ``schema`` has the types of those that ``rules`` has."""
    own = compile_rules(rules.get(RULES, ()), schema, is_resource=is_resource) if rules.get(RULES) else ()
    properties = {name: found for name, found in _of_properties(rules, schema) if found is not None}
    additional = _inner(rules.get("additionalProperties"), schema.get("additionalProperties"))
    items = _inner(rules.get("items"), schema.get("items"))
    all_of = tuple(
        found
        for each in rules.get("allOf", ())
        if (found := read_rules(each, schema, is_resource=is_resource)) is not None
    )
    if not (own or properties or additional or items or all_of):
        return None
    shown = with_metadata(schema) if is_resource else schema
    return Rules(shown, is_resource, own, properties, additional, items, all_of)


def compile_rules(rules: list[JSON], schema: JSON, *, is_resource: bool) -> tuple[Rule, ...]:
    """Return the rules of one schema."""
    types = DeclaredTypes(schema, is_resource=is_resource)
    if types.root is None:
        fault = "rule compiler initialization error: failed to convert to declType for CEL validation rules"
        return tuple(Rule(each, None, fault) for each in rules)
    plain = Environment({"self": types.root, "oldSelf": types.root}, types.field_type)
    optional = Environment({"self": types.root, "oldSelf": optional_of(types.root)}, types.field_type)
    return tuple(_compiled(each, optional if each.get("optionalOldSelf") else plain) for each in rules)


def _compiled(spec: JSON, environment: Environment) -> Rule:
    try:
        program = compiled(spec.get("rule", ""), environment)
    except CompilationError as error:
        return Rule(spec, None, f"compilation failed: {error}")
    if program.result != BOOL:
        return Rule(spec, None, "cel expression must evaluate to a bool")
    if not spec.get("messageExpression"):
        return Rule(spec, program)
    try:
        message = compiled(spec["messageExpression"], environment)
    except CompilationError as error:
        return Rule(spec, program, message_fault=f"messageExpression compilation failed: {error}")
    if message.result != STRING:
        return Rule(spec, program, message_fault="messageExpression must evaluate to a string")
    return Rule(spec, program, message=message)


def _of_properties(rules: JSON, schema: JSON) -> Iterator[tuple[str, Rules | None]]:
    known = schema.get("properties", {})
    for name, each in rules.get("properties", {}).items():
        yield name, _inner(each, known.get(name))


def _inner(rules: JSON | bool | None, schema: JSON | bool | None) -> Rules | None:
    if not isinstance(rules, dict) or not isinstance(schema, dict):
        return None
    return read_rules(rules, schema, is_resource=bool(schema.get(EMBEDDED)))

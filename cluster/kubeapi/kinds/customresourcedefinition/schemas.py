"""The faults of a CustomResourceDefinition's schema, beside those of a schema that is not structural. Pure.

Follows apiextensions-apiserver ``apis/apiextensions/validation`` (ValidateCustomResourceDefinitionOpenAPISchema).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kubeapi.customresources.resource import RULES
from kubeapi.customresources.schema.pruning import EMBEDDED, META_FIELDS, PRESERVES, items_of, prune
from kubeapi.customresources.schema.validation import validate_value
from kubeapi.customresources.schema.values import plain
from kubeapi.kinds.customresourcedefinition.collections import list_type_faults, map_type_faults
from kubeapi.kinds.customresourcedefinition.structural import structural_faults
from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, forbidden, invalid, required, unsupported
from kubeapi.validation.formats import is_known

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_AT_ROOT = (
    "description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
    "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "required", "items",
    "properties", "externalDocs", "example", PRESERVES, "x-kubernetes-validations",
)  # fmt: skip
"""What the root of a schema may have if the status is a subresource."""
_AT_ROOT_IN_GO = (
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern"
    " MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields"
    " XValidations"
)
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


class _Place(NamedTuple):
    """Where a schema is. ``no_default`` is why it may have no default, None if it may."""

    path: str
    is_root: bool = False
    is_meta: bool = False
    no_default: str | None = None

    def below(self, name: str) -> _Place:
        return self._replace(path=f"{self.path}.{name}", is_root=False)


def schema_faults(schema: JSON, path: str, *, has_status: bool) -> list[FieldError]:
    """Return the faults of the whole schema of a version; ``has_status``: the status is a subresource."""
    faults = list(_root_faults(schema, path)) if has_status else []
    if schema.get("nullable"):
        faults.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    is_array = any(isinstance(each.get("items"), list) for each in walk(schema))
    if not is_array:
        faults += structural_faults(schema, path) or _default_faults(schema, path)
    faults += _faults(schema, _Place(path, is_root=True))
    return faults or _expression_faults(schema, path)


def _expression_faults(schema: JSON, path: str) -> list[FieldError]:
    """Return the faults of the CEL expressions of a schema without other faults."""
    if not any(RULES in each for each in walk(schema)):
        return []
    from kubeapi.kinds.customresourcedefinition.expressions import expression_faults  # no definition else needs CEL

    return list(expression_faults(schema, path))


def walk(schema: JSON) -> list[JSON]:
    """Return a schema and all schemas inside it."""
    inner = [*schema.get("properties", {}).values(), schema.get("additionalProperties"), schema.get("not")]
    items = schema.get("items")
    inner += items if isinstance(items, list) else [items]
    for junctor in ("allOf", "anyOf", "oneOf"):
        inner += schema.get(junctor, ())
    return [schema, *(found for each in inner if isinstance(each, dict) for found in walk(each))]


def unknown_formats(schema: JSON) -> list[str]:
    """Return the formats in a schema that are not checked."""
    found = [(each["format"], each.get("type", "")) for each in walk(schema) if each.get("format")]
    return [name for name, kind in found if not is_known(name, kind)]


def _root_faults(schema: JSON, path: str) -> Faults:
    kind = schema.get("type", "")
    if kind and kind != "object":
        only = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        yield invalid(f"{path}.type", kind, only)
    elif any(value and name not in _AT_ROOT for name, value in schema.items()):
        only = (
            f"only [{_AT_ROOT_IN_GO}] fields are allowed at the root of the schema if the status subresource is enabled"
        )
        yield invalid(path, schema, only)


def _default_faults(schema: JSON, path: str) -> list[FieldError]:
    """Return the faults of the defaults, which must be values that the schema allows."""
    faults: list[FieldError] = []
    where, default = f"{path}.default", schema.get("default")
    if default is not None:
        pruned = {"": plain(default)}
        prune(pruned, {"properties": {"": schema}})
        if pruned[""] != default:
            faults.append(invalid(where, default, "must not have unknown fields"))
        faults += [each._replace(field=_joined(where, each.field)) for each in validate_value(default, schema)]
    items = items_of(schema)
    if items is not None:
        faults += _default_faults(items, f"{path}.items")
    for name, each in schema.get("properties", {}).items():
        faults += _default_faults(each, f"{path}.properties[{name}]")
    return faults


def _joined(path: str, field: str) -> str:
    return path if field in ("", "<nil>") else f"{path}.{field}"


def _faults(schema: JSON, at: _Place) -> Faults:
    yield from _own_faults(schema, at)
    more, properties = schema.get("additionalProperties"), schema.get("properties", {})
    if more is not None and properties and more is not True:
        yield forbidden(f"{at.path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    if isinstance(more, dict):
        inside = "inside additionalProperties applying to object metadata"
        below = at.below("additionalProperties")
        yield from _faults(more, below._replace(no_default=inside) if at.is_meta else below)
    for name, each in properties.items():
        below = at.below(f"properties[{name}]")
        if name in META_FIELDS and (at.is_root or schema.get(EMBEDDED)):
            below = below._replace(is_meta=True, no_default=f"in top-level {name}" if at.is_root else below.no_default)
        yield from _faults(each, below)
    if "not" in schema:
        yield from _faults(schema["not"], at.below("not"))
    for junctor in ("allOf", "oneOf", "anyOf"):
        for index, each in enumerate(schema.get(junctor, ())):
            yield from _faults(each, at.below(f"{junctor}[{index}]"))
    if (items := items_of(schema)) is not None:
        yield from _faults(items, at.below("items"))
    yield from map_type_faults(schema, at.path)
    yield from list_type_faults(schema, at.path)
    for index, rule in enumerate(schema.get(RULES, ())):
        yield from _rule_faults(rule, schema, f"{at.path}.{RULES}[{index}]")


def _own_faults(schema: JSON, at: _Place) -> Faults:
    kind = schema.get("type", "")
    if kind and kind not in _TYPES:
        yield unsupported(f"{at.path}.type", kind, _TYPES)
    if schema.get("default") is not None and at.no_default is not None:
        yield forbidden(f"{at.path}.default", f"must not be set {at.no_default}")
    for name in _UNSUPPORTED:
        if schema.get(name):
            yield forbidden(f"{at.path}.{name}", f"{name} is not supported")
    if kind == "null":
        yield forbidden(f"{at.path}.type", "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), list):
        yield forbidden(f"{at.path}.items", "items must be a schema object and not an array")
    if at.is_meta and schema.get(EMBEDDED):
        yield forbidden(f"{at.path}.{EMBEDDED}", "must not be used inside of resource meta")
    if schema.get("uniqueItems"):
        quadratic = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{at.path}.uniqueItems", quadratic)
    if schema.get(PRESERVES) is False:
        yield invalid(f"{at.path}.{PRESERVES}", value=False, detail="must be true or undefined")


def _rule_faults(rule: JSON, schema: JSON, path: str) -> Faults:
    """Yield the faults of a CEL rule that show without reading its expression."""
    text, message = rule.get("rule", "").strip(), rule.get("message", "")
    has_break = re.compile(r"[\n\r]").search
    if not text:
        yield required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{path}.message", message, "must be non-empty if specified")
    elif has_break(message.strip()):
        yield invalid(f"{path}.message", message, "must not contain line breaks")
    elif has_break(text) and not message.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    expression, field = rule.get("messageExpression", ""), rule.get("fieldPath", "")
    if expression and not expression.strip():
        yield required(f"{path}.messageExpression", "messageExpression must be non-empty if specified")
    if "reason" in rule and rule["reason"] not in _REASONS:
        yield unsupported(f"{path}.reason", rule["reason"], _REASONS)
    if field and not field.strip():
        yield invalid(f"{path}.fieldPath", field, "must be non-empty if specified")
    if has_break(field):
        yield invalid(f"{path}.fieldPath", field, "must not contain line breaks")
    if field:
        yield from _path_faults(schema, field, f"{path}.fieldPath")


def _path_faults(schema: JSON, field: str, path: str) -> Faults:
    from kubeapi.kinds.customresourcedefinition.expressions import is_path_of

    if not is_path_of(schema, field):
        yield invalid(path, field, "must be a valid path")

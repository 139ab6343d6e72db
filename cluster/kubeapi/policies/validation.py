"""The faults of admission policies and of match conditions (``pkg/apis/admissionregistration/validation``). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.policies.expressions import Compiled, Expression, compile_conditions, compile_policy
from kubeapi.policies.matching import validate_match_resources, write_faults
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    invalid,
    one_of,
    required,
    too_many,
    unsupported,
)
from kubeapi.validation.names import dns1035_label, dns1123_subdomain, qualified_name

_FAILURE_POLICIES = frozenset(("Fail", "Ignore"))
_REASONS = frozenset(("Forbidden", "Invalid", "RequestEntityTooLarge"))
_MOST_CONDITIONS, _MOST_ANNOTATIONS, _LONGEST_VALUE = 64, 20, 5 * 1024
_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
_LINE_BREAK = re.compile(r"[\n\r]")


def validate_validating_policy(policy: JSON) -> Faults:
    """Yield the faults of a ValidatingAdmissionPolicy."""
    spec: JSON = spec_of(policy)
    expressions = compile_policy(spec)
    yield from _shared_faults(spec, expressions)
    checks, annotations = list_at(spec, "validations"), list_at(spec, "auditAnnotations")
    if not checks and not annotations:
        for field in ("validations", "auditAnnotations"):
            yield required(f"spec.{field}", "validations or auditAnnotations must contain at least one item")
    for index, check in enumerate(expressions.checks):
        yield from _check_faults(check.spec, check.expression, check.message, f"spec.validations[{index}]")
    if len(annotations) > _MOST_ANNOTATIONS:
        detail = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        yield invalid("spec.auditAnnotations", list(annotations), detail)
    yield from _annotation_faults(policy, expressions)


def validate_mutating_policy(policy: JSON) -> Faults:
    """Yield the faults of a MutatingAdmissionPolicy."""
    spec: JSON = spec_of(policy)
    expressions = compile_policy(spec, makes_patches=True)
    yield from _shared_faults(spec, expressions, only_writes=True)
    if not list_at(spec, "mutations"):
        yield required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(expressions.mutations):
        path = f"spec.mutations[{index}]"
        yield from _mutation_faults(list_at(spec, "mutations")[index], mutation.expression, path)
    yield from one_of("spec.reinvocationPolicy", spec.get("reinvocationPolicy"), frozenset(("IfNeeded", "Never")))


def condition_faults(conditions: Iterable[JSON], path: str, *, has_params: bool = False) -> Faults:
    """Yield the faults of match conditions."""
    stated = list(conditions)
    if len(stated) > _MOST_CONDITIONS:
        yield too_many(path, len(stated), _MOST_CONDITIONS)
    seen: set[str] = set()
    for index, (name, expression) in enumerate(compile_conditions(stated, has_params=has_params)):
        where, name = f"{path}[{index}]", str(stated[index].get("name") or "")
        yield from _expression_faults(expression, f"{where}.expression")
        if not name:
            yield required(f"{where}.name")
            continue
        yield from each_invalid(f"{where}.name", name, qualified_name(name))
        if name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(name)


def _expression_faults(expression: Expression, path: str, missing: str = "") -> Faults:
    if not expression.source.strip():
        yield required(path, missing)
    elif expression.fault:
        yield invalid(path, expression.source, expression.fault)


def _shared_faults(spec: JSON, expressions: Compiled, *, only_writes: bool = False) -> Faults:
    yield from one_of("spec.failurePolicy", spec.get("failurePolicy"), _FAILURE_POLICIES)
    if spec.get("paramKind") is not None:
        yield from _param_kind_faults(map_at(spec, "paramKind"), "spec.paramKind")
    if spec.get("matchConstraints") is None:
        yield required("spec.matchConstraints")
    else:
        resources, path = map_at(spec, "matchConstraints"), "spec.matchConstraints"
        yield from validate_match_resources(resources, path)
        if not list_at(resources, "resourceRules"):
            yield required(f"{path}.resourceRules")
        if only_writes:
            yield from write_faults(resources, path)
    conditions = list_at(spec, "matchConditions")
    yield from condition_faults(conditions, "spec.matchConditions", has_params=bool(spec.get("paramKind")))
    for index, each in enumerate(list_at(spec, "variables")):
        yield from _variable_faults(each, expressions, f"spec.variables[{index}]")


def _param_kind_faults(kind: JSON, path: str) -> Faults:
    version, name = kind.get("apiVersion", ""), kind.get("kind", "")
    group, _, number = version.rpartition("/")
    if not version:
        yield required(f"{path}.apiVersion")
    elif version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    else:
        if group and (faults := dns1123_subdomain(group)):
            yield invalid(f"{path}.apiVersion", group, ",".join(faults))
        if not number:
            yield invalid(f"{path}.apiVersion", version, "version must be specified")
        elif faults := dns1035_label(number):
            yield invalid(f"{path}.apiVersion", number, ",".join(faults))
    if not name:
        yield required(f"{path}.kind")
    elif faults := dns1035_label(name.lower()):
        yield invalid(f"{path}.kind", name, f"may have mixed case, but should otherwise match: {','.join(faults)}")


def _variable_faults(variable: JSON, expressions: Compiled, path: str) -> Faults:
    name = str(variable.get("name") or "")
    if not name.strip():
        yield required(f"{path}.name", "name is not specified")
    elif not re.fullmatch("[_a-zA-Z][_a-zA-Z0-9]*", name) or name in _RESERVED:
        yield invalid(f"{path}.name", name, "must be a valid CEL identifier")
    yield from _expression_faults(expressions.variables[name], f"{path}.expression", "expression is not specified")


def _check_faults(spec: JSON, expression: Expression, message: Expression | None, path: str) -> Faults:
    yield from _expression_faults(expression, f"{path}.expression", "expression is not specified")
    stated, text = spec.get("messageExpression", ""), spec.get("message", "")
    if message is not None:
        yield from _expression_faults(message, f"{path}.messageExpression")
    elif stated:
        yield invalid(f"{path}.messageExpression", stated, "must be non-empty if specified")
    if text and not text.strip():
        yield invalid(f"{path}.message", text, "must be non-empty if specified")
    elif _LINE_BREAK.search(text.strip()):
        yield invalid(f"{path}.message", text, "must not contain line breaks")
    if "reason" in spec and spec["reason"] not in _REASONS:
        yield unsupported(f"{path}.reason", spec["reason"], _REASONS)


def _annotation_faults(policy: JSON, expressions: Compiled) -> Faults:
    seen: set[str] = set()
    for index, (key, value) in enumerate(expressions.annotations):
        path, name = f"spec.auditAnnotations[{index}]", policy["metadata"].get("name", "")
        if name:
            yield from each_invalid(f"{path}.key", f"{name}/{key}", qualified_name(f"{name}/{key}"))
        else:
            yield invalid(f"{path}.key", key, "requires metadata.name be non-empty")
        if len(value.source) > _LONGEST_VALUE:
            yield required(f"{path}.valueExpression", f"must not exceed {_LONGEST_VALUE} bytes in length")
        else:
            yield from _expression_faults(value, f"{path}.valueExpression", "valueExpression is not specified")
        if key in seen:
            yield duplicate(f"{path}.key", key)
        seen.add(key)


def _mutation_faults(mutation: JSON, expression: Expression, path: str) -> Faults:
    kind = mutation.get("patchType", "")
    parts = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}
    yield from one_of(f"{path}.patchType", kind, frozenset(parts))
    if kind not in parts:
        return
    own = parts[kind]
    if mutation.get(own) is None:
        yield required(f"{path}.{own}", f"must be specified when patchType is {kind}")
    else:
        yield from _expression_faults(expression, f"{path}.{own}.expression")
    for other in parts.values():
        if other != own and mutation.get(other) is not None:
            yield invalid(f"{path}.{other}", f"{{{other}}}", f"must not be specified when patchType is {kind}")

"""Expressions of admission, compiled: their programs, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from kubeapi.cel.environment import Environment
from kubeapi.cel.faults import CompilationError
from kubeapi.cel.program import Program, compiled
from kubeapi.cel.types import BOOL, DYN, NULL, STRING, Type, list_of
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.policies.declarations import JSON_PATCH, OBJECT, environment

ANY: tuple[Type, ...] = ()
"""Any type is allowed."""


class Expression(NamedTuple):
    """An expression; without a program, ``fault`` is why."""

    source: str
    program: Program | None = None
    fault: str = ""


class Condition(NamedTuple):
    """A match condition."""

    name: str
    expression: Expression


def compile_expression(source: str, names: Environment, results: tuple[Type, ...]) -> Expression:
    """Return an expression that must have one of some types."""
    try:
        program = compiled(source, names)
    except CompilationError as error:
        return Expression(source, None, f"compilation failed: {error}")
    if results and program.result not in results:
        return Expression(source, None, _mismatch(results, program.result))
    return Expression(source, program)


def _mismatch(results: tuple[Type, ...], found: Type) -> str:
    names = [_runtime_name(each) for each in results]
    wanted = names[0] if len(names) == 1 else f"one of [{' '.join(names)}]"
    return f"must evaluate to {wanted} but got {_runtime_name(found)}"


def _runtime_name(of: Type) -> str:
    return f"{of.name}({', '.join(map(_runtime_name, of.params))})" if of.params else of.name


def compile_conditions(conditions: Iterable[JSON], *, has_params: bool) -> list[Condition]:
    """Return match conditions."""
    names = environment(has_params=has_params)
    return [
        Condition(str(each.get("name")), compile_expression(str(each.get("expression", "")).strip(), names, (BOOL,)))
        for each in conditions
    ]


class Check(NamedTuple):
    """One of a policy's validations; ``message`` is its messageExpression, None without one."""

    spec: JSON
    expression: Expression
    message: Expression | None


class Annotation(NamedTuple):
    """One of a policy's audit annotations."""

    key: str
    value: Expression


class Mutation(NamedTuple):
    """One of a policy's mutations; its expression makes JSON patches, or an object to be merged."""

    is_json_patch: bool
    expression: Expression


class Compiled(NamedTuple):
    """The expressions of a policy; ``variables`` may name those before them."""

    conditions: list[Condition]
    variables: dict[str, Expression]
    checks: list[Check]
    annotations: list[Annotation]
    mutations: list[Mutation]


def compile_policy(spec: JSON, makes_patches: bool | None = None) -> Compiled:
    """Return the expressions of the spec of a policy; ``makes_patches`` None: it makes patches if it has mutations."""
    has_patches = "mutations" in spec if makes_patches is None else makes_patches
    types: dict[str, Type] = {}
    names = partial(
        environment,
        has_params=bool(spec.get("paramKind")),
        makes_patches=has_patches,
        variables=types if has_patches or spec.get("variables") else None,
    )
    variables: dict[str, Expression] = {}
    for each in list_at(spec, "variables"):
        name = str(each.get("name", ""))
        variables[name] = expression = compile_expression(str(each.get("expression", "")), names(), ANY)
        types[name] = expression.program.result if expression.program is not None else DYN
    own, plain = names(), names(has_authorizer=False)
    return Compiled(
        compile_conditions(list_at(spec, "matchConditions"), has_params=bool(spec.get("paramKind"))),
        variables,
        [_check(each, own, plain) for each in list_at(spec, "validations")],
        [_annotation(each, own) for each in list_at(spec, "auditAnnotations")],
        [_mutation(each, own) for each in list_at(spec, "mutations")],
    )


def _check(spec: JSON, names: Environment, plain: Environment) -> Check:
    message = spec.get("messageExpression", "")
    return Check(
        spec,
        compile_expression(str(spec.get("expression", "")), names, (BOOL,)),
        compile_expression(message, plain, (STRING,)) if message.strip() else None,
    )


def _annotation(spec: JSON, names: Environment) -> Annotation:
    value = str(spec.get("valueExpression", "")).strip()
    return Annotation(str(spec.get("key", "")), compile_expression(value, names, (STRING, NULL)))


def _mutation(spec: JSON, names: Environment) -> Mutation:
    is_json_patch = spec.get("patchType") == "JSONPatch"
    part = map_at(spec, "jsonPatch" if is_json_patch else "applyConfiguration")
    wanted = list_of(JSON_PATCH) if is_json_patch else OBJECT
    source = str(part.get("expression", "")).strip()
    return Mutation(is_json_patch, compile_expression(source, names, (wanted,)))

"""Whether a policy's expressions fit the types of what it matches (apiserver ``validating/typechecking.go``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubeapi.cel.types import BOOL, BYTES, DOUBLE, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of, struct
from kubeapi.customresources.cel.types import RESERVED, DeclaredTypes, escaped
from kubeapi.customresources.resource import CustomResource
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.policies.declarations import ObjectTypes, environment
from kubeapi.policies.expressions import ANY, compile_expression
from kubeapi.schema import FieldType, struct_name
from kubeapi.schema import struct as definition
from kubeapi.scheme import Resource

_MOST_TYPES = 10
_SCALARS = {
    "string": STRING,
    "boolean": BOOL,
    "int32": INT,
    "int64": INT,
    "byte": BYTES,
    "double": DOUBLE,
    "Time": TIMESTAMP,
    "MicroTime": TIMESTAMP,
}
FindResource = Callable[[str, str, str], Resource | None]
"""``find(group, version, plural)``: the resource, None if nothing serves it."""


def expression_warnings(spec: JSON, find: FindResource) -> list[JSON]:
    """Return the warnings about the validations of a policy, as its status has them."""
    types = [(each, _types_of(each)) for each in _resources(spec, find)]
    warnings: list[JSON] = []
    for index, check in enumerate(list_at(spec, "validations")):
        for field in ("expression", "messageExpression"):
            source = check.get(field, "")
            if source and (found := "\n".join(_faults(source, spec, types))):
                warnings.append({"fieldRef": f"spec.validations[{index}].{field}", "warning": found})
    return warnings


def _resources(spec: JSON, find: FindResource) -> list[Resource]:
    found: dict[tuple[str, str, str], Resource] = {}
    for rule in list_at(spec, "matchConstraints", "resourceRules"):
        for group, version, plural in _named(rule):
            resource = find(group, version, plural)
            if resource is not None and len(found) < _MOST_TYPES:
                found[group, version, resource.kind] = resource
    return [found[each] for each in sorted(found)]


def _named(rule: JSON) -> Iterator[tuple[str, str, str]]:
    """Yield the resources that a rule names without an asterisk."""
    groups, versions = list_at(rule, "apiGroups"), list_at(rule, "apiVersions")
    if any("*" in each for each in (*groups, *versions)):
        return
    for group in sorted(groups):
        for version in sorted(versions):
            for plural in sorted(list_at(rule, "resources")):
                if "*" not in plural and "/" not in plural:
                    yield group, version, plural


def _types_of(resource: Resource) -> ObjectTypes:
    if isinstance(resource, CustomResource):
        declared = DeclaredTypes(resource.definition.schema, is_resource=True)
        return ObjectTypes(declared.root or DYN, declared.field_type)
    return ObjectTypes(struct(struct_name(resource)), _field_of)


def _field_of(type_name: str, name: str) -> Type | None:
    try:
        fields = definition(type_name).fields
    except LookupError:
        return None
    found = fields.get(name) if name in RESERVED else None
    found = found or next((each for field, each in fields.items() if escaped(field) == name), None)
    return None if found is None else _type(found)


def _type(of: FieldType) -> Type | None:
    """Return a type; None for one that expressions cannot see: a Quantity has no type in the API's schema."""
    if of.kind == "Quantity":
        return None
    if of.kind in ("list", "map"):
        element = _type(of.element) if of.element else DYN
        return element and (list_of(element) if of.kind == "list" else map_of(STRING, element))
    return struct(of.name) if of.kind == "struct" else _SCALARS.get(of.kind, DYN)


def _faults(source: str, spec: JSON, types: Iterable[tuple[Resource, ObjectTypes]]) -> Iterator[str]:
    for resource, objects in types:
        variables: dict[str, Type] = {}
        names = environment(has_params=bool(spec.get("paramKind")), variables=variables, objects=objects)
        for each in list_at(spec, "variables"):
            program = compile_expression(str(each.get("expression", "")), names, ANY).program
            variables[str(each.get("name", ""))] = program.result if program is not None else DYN
            names = environment(has_params=bool(spec.get("paramKind")), variables=variables, objects=objects)
        if fault := compile_expression(source, names, ANY).fault:
            told = fault.removeprefix("compilation failed: ")
            yield f"{resource.api_version}, Kind={resource.kind}: {told}\n"

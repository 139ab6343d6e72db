"""The rules of custom kinds, as a ``Kind`` (apiextensions-apiserver ``registry/customresource``). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

from kubeapi.customresources.resource import CustomResource, Definition
from kubeapi.customresources.schema.defaulting import set_defaults
from kubeapi.customresources.schema.embedded import validate_embedded
from kubeapi.customresources.schema.listtypes import validate_lists
from kubeapi.customresources.schema.pruning import drop_nulls
from kubeapi.customresources.schema.ratcheting import is_as_before
from kubeapi.customresources.schema.validation import NO_PATH, validate_value
from kubeapi.kind import SCALE, STATUS, Kind, Objects, ScalePaths
from kubeapi.meta import JSON
from kubeapi.objects.parts import value_at
from kubeapi.registryconfig import RegistryConfig
from kubeapi.status import FieldError, StatusError
from kubeapi.validation.faults import Faults, invalid
from kubeapi.validation.metadata import STANDARD_FINALIZERS
from kubeapi.validation.names import qualified_name
from kubeapi.validation.warnings import verbatim

_INT32 = 2**31 - 1


def custom_kind(resource: CustomResource) -> Kind:
    """Return the rules of a version of a custom kind."""
    return _kind(resource, resource.definition)


@lru_cache(maxsize=512)  # by the definition's identity: resources are equal whatever their definitions are
def _kind(resource: CustomResource, definition: Definition) -> Kind:
    subresources = (*((STATUS,) if definition.has_status else ()), *((SCALE,) if definition.scale else ()))
    return Kind(
        resource=resource,
        categories=tuple(definition.names.get("categories", ())),
        subresources=subresources,
        field_labels=definition.selectable_fields,
        set_defaults=partial(_complete, definition),
        admit=partial(_admit, definition),
        has_own_status=definition.has_status,
        desired_state=_desired_state,
        allows_unconditional_update=False,
        scale_paths=definition.scale,
        set_status_defaults=partial(_complete, definition),
        requires_known_finalizers=False,
        validate_create=partial(_validate_create, definition),
        validate_update=partial(_validate_update, definition),
        validate_status=partial(_validate_status, definition),
        validate_status_update=partial(_validate_by_rules, definition),
        warnings=partial(_warnings, definition),
    )


def _complete(definition: Definition, obj: JSON) -> None:
    """Fill in the schema's defaults."""
    drop_nulls(obj, definition.schema)
    if definition.has_defaults:
        set_defaults(obj, definition.schema)


def _admit(definition: Definition, new: JSON, old: JSON | None, objects: Objects) -> None:
    """Refuse a new object of a definition that is being deleted (forbidCreateAdmission)."""
    if old is None and definition.is_terminating:
        why = "create not allowed while custom resource definition is terminating"
        message = f'{why} is not supported on resources of kind "{definition.names["plural"]}"'
        raise StatusError(405, "MethodNotAllowed", message)


def _desired_state(obj: JSON) -> object:
    return {name: value for name, value in obj.items() if name not in ("metadata", "apiVersion")}


def _validate(definition: Definition, obj: JSON) -> Faults:
    yield from validate_value(obj, definition.schema)
    if definition.scale is not None:
        yield from _scale_faults(definition.scale, obj)
    yield from validate_embedded(obj, definition.schema)
    yield from validate_lists(obj, definition.schema)


def _validate_create(definition: Definition, obj: JSON) -> Faults:
    return _with_rules(definition, list(_validate(definition, obj)), obj, None)


def _validate_update(definition: Definition, new: JSON, old: JSON) -> Faults:
    """Yield the faults of a changed object, but for those of fields that are as they were (KEP-4008)."""
    known = set(_validate(definition, old))
    found = [
        fault
        for fault in _validate(definition, new)
        if fault not in known or not is_as_before(new, old, definition.schema, fault.field.removeprefix(NO_PATH))
    ]
    return _with_rules(definition, found, new, old)


def _with_rules(definition: Definition, faults: list[FieldError], new: JSON, old: JSON | None) -> Faults:
    """Yield the faults, and those that CEL rules find in an object that can be shown to them."""
    yield from faults
    if not definition.has_rules:
        return
    from kubeapi.customresources.cel.validation import is_blocking, unchecked_fault

    if is_blocking(faults):
        yield unchecked_fault()
    else:
        yield from _validate_by_rules(definition, new, old)


def _validate_by_rules(definition: Definition, new: JSON, old: JSON | None) -> Faults:
    return (fault for fault, is_tolerated in _by_rules(definition, new, old) if not is_tolerated)


def _by_rules(definition: Definition, new: JSON, old: JSON | None) -> Iterable[tuple[FieldError, bool]]:
    """Yield what CEL rules find, and whether it is tolerated since the value is as it was."""
    if not definition.has_rules:
        return
    from kubeapi.customresources.cel.rules import rules_of
    from kubeapi.customresources.cel.validation import rule_faults

    rules = rules_of(definition)
    if rules is not None:
        yield from rule_faults(rules, new, old)


def _validate_status(definition: Definition, obj: JSON) -> Faults:
    schema = definition.schema.get("properties", {}).get("status")
    if schema is not None and "status" in obj:
        for each in validate_value(obj["status"], schema):  # whose texts are as if the status were an object of its own
            yield each if each.field == NO_PATH else each._replace(field=f"status.{each.field}".rstrip("."))
    if definition.scale is not None:
        yield from _replicas_faults(definition.scale.present, obj)


def _scale_faults(scale: ScalePaths, obj: JSON) -> Faults:
    yield from _replicas_faults(scale.wanted, obj)
    yield from _replicas_faults(scale.present, obj)
    selector = value_at(obj, scale.selector) if scale.selector else None
    if selector is not None and not isinstance(selector, str):
        path = f".{'.'.join(scale.selector)}"
        yield invalid(
            path, "", f"{path} accessor error: {selector} is of the type {_go_type(selector)}, expected string"
        )


def _replicas_faults(path: tuple[str, ...], obj: JSON) -> Faults:
    where, above = f".{'.'.join(path)}", value_at(obj, path[:-1])
    if above is not None and not isinstance(above, dict):
        what = f"{_go_text(above)} is of the type {_go_type(above)}"
        yield invalid(where, 0, f"{where} accessor error: {what}, expected map[string]interface{{}}")
    value = value_at(obj, path)
    if value is None:
        return
    if type(value) is not int:
        yield invalid(where, 0, f"{where} accessor error: {value} is of the type {_go_type(value)}, expected int64")
    elif value < 0:
        yield invalid(where, value, "should be a non-negative integer")
    elif value > _INT32:
        yield invalid(where, value, f"should be less than or equal to {_INT32}")


def _go_text(value: Any) -> str:
    return f"[{' '.join(map(_go_text, value))}]" if isinstance(value, list) else str(value)


def _go_type(value: Any) -> str:
    kinds: dict[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64", list: "[]interface {}"}
    return kinds.get(type(value), "map[string]interface {}")


def _warnings(definition: Definition, before: JSON | None, after: JSON, config: RegistryConfig) -> Iterable[FieldError]:
    """Yield what CEL rules tolerate, and what is odd about the finalizers that are new."""
    for found, is_tolerated in _by_rules(definition, after, before) if before is not None else ():
        if is_tolerated:
            yield verbatim(found.field, str(found))
    known = before["metadata"].get("finalizers", ()) if before is not None else ()
    path = "metadata.finalizers"
    for each in sorted({*after["metadata"].get("finalizers", ())} - {*known}):
        for fault in qualified_name(each):
            yield verbatim(path, f'{path}: "{each}": {fault}')
        if "/" not in each and each not in STANDARD_FINALIZERS:
            how = "finalizer name including a path (/)" if "." in each else "finalizer name"
            advice = f"prefer a domain-qualified {how} to avoid accidental conflicts with other finalizer writers"
            yield verbatim(path, f'{path}: "{each}": {advice}')

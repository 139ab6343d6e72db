"""What an expression may name: variables, functions, and the fields of objects. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from kubeapi.cel.declarations import Function
from kubeapi.cel.types import DYN, OPTIONAL, SCALARS, Type, list_of, map_of, optional_of, type_of

FieldTypes = Callable[[str, str], Type | None]
"""``field_type(type_name, field)``: the type of a field, None if objects of the type have no such field."""


def no_field(type_name: str, name: str) -> Type | None:
    """Find no field."""
    return None


def _no_object(type_name: str) -> bool:
    return False


_TYPES: Mapping[str, Type] = {
    **{each.name: type_of(each) for each in SCALARS.values()},
    "list": type_of(list_of(DYN)),
    "map": type_of(map_of(DYN, DYN)),
    OPTIONAL: type_of(optional_of(DYN)),
}


@dataclass(frozen=True)
class Environment:
    """Variables with their types, object types with their fields, and functions."""

    variables: Mapping[str, Type]
    field_type: FieldTypes = no_field
    is_object: Callable[[str], bool] = _no_object
    """Whether an expression may make objects of a type."""
    extra: tuple[Function, ...] = ()
    """Functions beside those that every expression has."""

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """All functions by their names."""
        from kubeapi.cel.library import FUNCTIONS

        return {**FUNCTIONS, **{each.name: each for each in self.extra}} if self.extra else FUNCTIONS

    def type_named(self, name: str) -> Type | None:
        """Return the type of a type's name, None if there is no such type."""
        return _TYPES.get(name.removeprefix("."))

"""Functions with their signatures, which are texts: ``string.(string) bool | (string, string) bool``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.types import OPTIONAL, SCALARS, Type, param, struct
from kubeapi.cel.values import type_of_value

_OBJECTS = {
    "quantity": struct("kubernetes.Quantity"),
    "url": struct("kubernetes.URL"),
    "ip": Type("opaque", "net.IP"),
    "cidr": Type("opaque", "net.CIDR"),
    "semver": struct("kubernetes.Semver"),
    "format": struct("kubernetes.NamedFormat"),
    "authorizer": struct("kubernetes.authorization.Authorizer"),
    "path_check": struct("kubernetes.authorization.PathCheck"),
    "group_check": struct("kubernetes.authorization.GroupCheck"),
    "resource_check": struct("kubernetes.authorization.ResourceCheck"),
    "decision": struct("kubernetes.authorization.Decision"),
    "json_patch": struct("JSONPatch"),
}
_TOKEN = re.compile(r"\s*([a-z_]+|[A-Z]|[(),.])")


class Overload(NamedTuple):
    """One signature; a member's first argument is what it is called on."""

    is_member: bool
    args: tuple[Type, ...]
    result: Type

    def takes(self, args: Sequence[Any]) -> bool:
        """Tell whether values fit, as far as their outermost types tell."""
        return len(args) == len(self.args) and all(map(_fits, args, self.args))


@dataclass(frozen=True, eq=False)
class Function:
    """A function: what it takes, and what computes it."""

    name: str
    overloads: tuple[Overload, ...]
    compute: Callable[..., Any]
    _known: dict[tuple[bool, tuple[type, ...]], bool] = field(default_factory=dict)
    """Whether classes of arguments have a signature."""

    def call(self, args: Sequence[Any], *, is_member: bool) -> Any:
        """Return the value for arguments; EvaluationError if no signature fits them, or there is no value."""
        classes = is_member, tuple(map(type, args))
        if classes not in self._known:
            self._known[classes] = any(each.is_member == is_member and each.takes(args) for each in self.overloads)
        if self._known[classes]:
            return self.compute(*args)
        if not self.name[:1].isalpha():
            raise EvaluationError("no such overload")
        given = [str(type_of_value(each)).partition("(")[0] for each in args]
        shown = f"{given[0]}.{self.name}({', '.join(given[1:])})" if is_member else f"{self.name}({', '.join(given)})"
        raise EvaluationError(f"no such overload: {shown}")

    def joined(self, other: Function) -> Function:
        """Return a function that takes what either takes."""

        def compute(*args: Any) -> Any:
            is_own = any(each.takes(args) for each in self.overloads)
            return (self if is_own else other).compute(*args)

        return Function(self.name, (*self.overloads, *other.overloads), compute)


def define(name: str, signatures: str, compute: Callable[..., Any]) -> Function:
    """Return a function."""
    return Function(name, tuple(_overload(each) for each in signatures.split("|")), compute)


def type_named(name: str) -> Type:
    """Return one of Kubernetes' types by the name that signatures have for it."""
    return _OBJECTS[name]


def _fits(value: Any, wanted: Type) -> bool:
    if wanted.kind in ("param", "dyn"):
        return True
    given = type_of_value(value)
    if wanted.kind in ("struct", "opaque"):
        return given.name == wanted.name
    return given.kind == wanted.kind


def _overload(text: str) -> Overload:
    tokens = _TOKEN.findall(text)
    is_member = tokens[0] != "("
    args: list[Type] = []
    if is_member:
        args.append(_type(tokens))
        tokens.pop(0)  # the dot
    args += _types(tokens)
    return Overload(is_member, tuple(args), _type(tokens))


def _types(tokens: list[str]) -> list[Type]:
    found: list[Type] = []
    tokens.pop(0)
    while tokens[0] != ")":
        found.append(_type(tokens))
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    return found


def _type(tokens: list[str]) -> Type:
    name = tokens.pop(0)
    if name.isupper():
        return param(name)
    if name in ("list", "map", "optional"):
        params = tuple(_types(tokens))
        return Type("opaque", OPTIONAL, params) if name == "optional" else Type(name, name, params)
    if name == "type" and tokens[:1] == ["("]:
        return Type("type", "type", tuple(_types(tokens)))
    return SCALARS.get(name) or _OBJECTS[name]

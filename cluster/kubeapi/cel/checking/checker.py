"""Which types the parts of an expression have, and what does not fit (cel-go ``checker/checker.go``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubeapi.cel.checking.typing import Typing
from kubeapi.cel.declarations import Function
from kubeapi.cel.environment import Environment
from kubeapi.cel.syntax.nodes import Call, Constant, Entry, Fold, ListOf, MapOf, Name, Node, ObjectOf, Select
from kubeapi.cel.types import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Type,
    is_dyn_or_error,
    list_of,
    map_of,
    optional_of,
    struct,
    unwrapped,
)
from kubeapi.cel.values import type_of_value


class Checker:
    """Checks one expression; ``typing`` has what is found."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.typing = Typing(environment)
        self._bindings = self.typing.bindings
        self._types: dict[Node, Type] = {}
        self._checks: dict[type[Node], Callable[[Any], Type]] = {
            Constant: lambda node: type_of_value(node.value),
            Name: self._name,
            Select: self._select,
            Call: self._call,
            ListOf: self._list,
            MapOf: self._map,
            ObjectOf: self._object,
            Fold: self._fold,
        }

    def whole(self, node: Node) -> Type:
        """Return the type of the whole expression."""
        return self._bindings.substitute(self._check(node), to_dyn=True)

    def types(self) -> Mapping[Node, Type]:
        """Return the types of all parts of the expressions that were checked."""
        return {node: self._bindings.substitute(each, to_dyn=True) for node, each in self._types.items()}

    def _check(self, node: Node) -> Type:
        found = self._types[node] = self._checks[type(node)](node)
        return found

    def _name(self, node: Name) -> Type:
        found = self.typing.variable(node.name) or self._environment.type_named(node.name)
        return found or self.typing.undeclared(node.at, node.name)

    def _select(self, node: Select) -> Type:
        name = "" if node.is_test else _dotted(node)
        if name and (named := self._named(name)) is not None:
            node.resolved = name
            return named
        of = self._bindings.substitute(self._check(node.operand))
        found = self._field(node.at, of, node.name)
        return BOOL if node.is_test else found

    def _named(self, name: str) -> Type | None:
        """Return the type of what has a name with dots: a variable (authorizer.requestResource) or a type."""
        return self._environment.variables.get(name) or self._environment.type_named(name)

    def _field(self, at: int, of: Type, name: str, *, is_optional: bool = False) -> Type:
        target, was_optional = unwrapped(of)
        found: Type = DYN
        if target.kind == "map":
            found = target.params[1]
        elif target.kind == "struct":
            found = self._environment.field_type(target.name, name) or self.typing.fault(
                at, f"undefined field '{name}'"
            )
        elif target.kind == "param":
            self._bindings.assign([DYN], [target])
        elif not is_dyn_or_error(target):
            self.typing.fault(at, f"type '{target}' does not support field selection")
        return self._bindings.substitute(optional_of(found) if was_optional or is_optional else found)

    def _call(self, node: Call) -> Type:
        if node.function == "_?._":
            field = node.args[1]
            assert isinstance(field, Constant)
            of = self._bindings.substitute(self._check(node.args[0]))
            return self._field(node.at, of, field.value, is_optional=True)
        known = len(self.typing.items)
        args = [self._check(each) for each in node.args]
        if node.function == "format":
            del self.typing.items[known:]  # whose list may have anything
        if node.function in ("_&&_", "_||_"):
            return self._logical(node, args)
        if node.target is not None:
            qualified = f"{_dotted(node.target)}.{node.function}"
            if qualified in self._environment.functions:
                node.function, node.target = qualified, None
        function = self._environment.functions.get(node.function.removeprefix("."))
        if node.target is not None:
            args = [self._check(node.target), *args]
        if function is None:
            return self.typing.undeclared(node.at, node.function)
        return self._resolve(node, function, args)

    def _logical(self, node: Call, args: Sequence[Type]) -> Type:
        fits = True
        for each, given in zip(node.args, args, strict=True):
            fits = self.typing.is_type(each.at, given, BOOL) and fits
        return BOOL if fits else ERROR

    def _resolve(self, node: Call, function: Function, args: Sequence[Type]) -> Type:
        result: Type | None = None
        for overload in function.overloads:
            if overload.is_member != (node.target is not None):
                continue
            fresh = self.typing.freshened((overload.result, *overload.args))
            if not self._bindings.assign(args, fresh[1:]):
                continue
            found = self._bindings.substitute(fresh[0])
            if result is None:
                result = found
            elif result.kind != "dyn" and found != result:
                result = DYN
        if result is not None:
            return result
        shown = [str(self._bindings.substitute(each, to_dyn=True)) for each in args]
        target = f"{shown.pop(0)}." if node.target is not None else ""
        what = f"'{function.name}' applied to '{target}({', '.join(shown)})'"
        return self.typing.fault(node.at, f"found no matching overload for {what}")

    def _given(self, node: Node, *, is_optional: bool) -> Type:
        """Return the type of an item that may be optional."""
        found = self._check(node)
        if not is_optional:
            return found
        inner, was_optional = unwrapped(found)
        if not was_optional and inner.kind != "dyn":
            self.typing.fault(node.at, f"expected type '{optional_of(inner)}' but found '{inner}'")
        return inner

    def _list(self, node: ListOf) -> Type:
        given = [self._given(each, is_optional=index in node.optional) for index, each in enumerate(node.items)]
        return list_of(self._joined(node.items, given))

    def _map(self, node: MapOf) -> Type:
        keys = [each.key for each in node.entries if isinstance(each.key, Node)]
        key = self._joined(keys, [self._check(each) for each in keys])
        values = [self._given(each.value, is_optional=each.is_optional) for each in node.entries]
        return map_of(key, self._joined([each.value for each in node.entries], values))

    def _joined(self, nodes: Sequence[Node], given: Sequence[Type]) -> Type:
        """Return the type that all items of a literal have."""
        joined: Type | None = None
        for node, each in zip(nodes, given, strict=True):
            joined = self.typing.joined(joined, each)
            self.typing.items.append((node.at, given[0], each))
        return joined or self.typing.fresh()

    def _object(self, node: ObjectOf) -> Type:
        name = node.type_name.removeprefix(".")
        if not self._environment.is_object(name):
            return self.typing.undeclared(node.at, node.type_name)
        for each in node.fields:
            self._object_field(name, each)
        return struct(name)

    def _object_field(self, name: str, entry: Entry) -> None:
        given = self._given(entry.value, is_optional=entry.is_optional)
        wanted = self._environment.field_type(name, str(entry.key))
        if wanted is None:
            self.typing.fault(entry.at, f"undefined field '{entry.key}'")
        elif not self._bindings.assign([wanted], [given]):
            what = f"expected type of field '{entry.key}' is '{wanted}' but provided type is '{given}'"
            self.typing.fault(entry.at, what)

    def _fold(self, node: Fold) -> Type:
        over = self._bindings.substitute(self._check(node.over))
        total = self._check(node.start)
        self.typing.enter({node.total: total})
        self.typing.enter(dict(zip(node.names, self._loop_types(node, over), strict=True)))
        self.typing.is_type(node.condition.at, self._check(node.condition), BOOL)
        step = self._check(node.step)
        if not self._bindings.assign([total], [step]):
            self.typing.fault(node.step.at, f"expected type '{total}' but found '{step}'")
        self.typing.leave()
        result = self._check(node.result)
        self.typing.leave()
        return self._bindings.substitute(result)

    def _loop_types(self, node: Fold, over: Type) -> tuple[Type, ...]:
        if over.kind == "list":
            types = (INT, over.params[0])
        elif over.kind == "map":
            types = (over.params[0], over.params[1])
            return types if len(node.names) == 2 else types[:1]
        elif over.kind in ("dyn", "error", "param"):
            self._bindings.assign([DYN], [over])
            types = (DYN, DYN)
        else:
            shown = "cannot be range of a comprehension (must be list, map, or dynamic)"
            self.typing.fault(node.over.at, f"expression of type '{over}' {shown}")
            types = (ERROR, ERROR)
        return types if len(node.names) == 2 else types[1:]


def _dotted(node: Node) -> str:
    """Return the name that fields of a name are, "" if they are none."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select) and not node.is_test and (before := _dotted(node.operand)):
        return f"{before}.{node.name}"
    return ""

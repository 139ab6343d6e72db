"""Macros: calls that stand for other expressions (cel-go ``parser/macro.go``, ``cel/library.go``, ``ext``). Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.cel.syntax.nodes import Call, Constant, Fold, ListOf, MapOf, Name, Node, Select

TOTAL = "@result"
"""The variable that a loop adds up; no expression can name it."""
_FORBIDDEN = (TOTAL, "__result__")
_INSERT = "cel.@mapInsert"
_SORTED = "@__sortBy_input__"


class MacroError(Exception):
    """A macro with the wrong arguments, at a position of the text."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


def expand(at: int, function: str, target: Node | None, args: list[Node]) -> Node | None:
    """Return what a call stands for, None if it is no macro's; MacroError for arguments that do not fit."""
    if target is None:
        return _has(at, args[0]) if (function, len(args)) == ("has", 1) else None
    macro = _MACROS.get((function, len(args)))
    return macro(at, target, args) if macro is not None else None


def _has(at: int, field: Node) -> Node:
    if not isinstance(field, Select):
        raise MacroError(field.at, "invalid argument to has() macro")
    return Select(at, field.operand, field.name, is_test=True)


def _variables(args: list[Node], why: str = "argument must be a simple name") -> tuple[str, ...]:
    names: list[str] = []
    for each in args:
        if not isinstance(each, Name) or each.name.startswith("."):
            raise MacroError(each.at, why)
        if each.name in names:
            raise MacroError(each.at, f"duplicate variable name: {each.name}")
        if each.name in _FORBIDDEN:
            raise MacroError(each.at, "iteration variable overwrites accumulator variable")
        names.append(each.name)
    return tuple(names)


class _Loop:
    """Makes the parts of a loop, all at the position of the macro."""

    def __init__(self, at: int, over: Node, names: tuple[str, ...]) -> None:
        self.at = at
        self._over = over
        self._names = names

    def constant(self, value: object) -> Node:
        return Constant(self.at, value)

    def call(self, function: str, *args: Node) -> Node:
        return Call(self.at, function, None, list(args))

    @property
    def total(self) -> Node:
        return Name(self.at, TOTAL)

    def fold(self, start: Node, step: Node, condition: Node | None = None, result: Node | None = None) -> Node:
        condition = condition or self.constant(value=True)
        return Fold(self.at, self._over, self._names, TOTAL, start, condition, step, result or self.total)

    def collect(self, start: Node, step: Node, only_if: Node | None) -> Node:
        return self.fold(start, step if only_if is None else self.call("_?_:_", only_if, step, self.total))


def _loop(at: int, target: Node, args: list[Node]) -> tuple[_Loop, list[Node]]:
    """Return the loop of a macro whose last argument is a predicate, with that."""
    return _Loop(at, target, _variables(args[:-1])), args[-1:]


def _all(at: int, target: Node, args: list[Node]) -> Node:
    loop, [predicate] = _loop(at, target, args)
    step = loop.call("_&&_", loop.total, predicate)
    return loop.fold(loop.constant(value=True), step, loop.call("@not_strictly_false", loop.total))


def _exists(at: int, target: Node, args: list[Node]) -> Node:
    loop, [predicate] = _loop(at, target, args)
    step = loop.call("_||_", loop.total, predicate)
    condition = loop.call("@not_strictly_false", loop.call("!_", loop.total))
    return loop.fold(loop.constant(value=False), step, condition)


def _exists_one(at: int, target: Node, args: list[Node]) -> Node:
    loop, [predicate] = _loop(at, target, args)
    more = loop.call("_+_", loop.total, loop.constant(1))
    step = loop.call("_?_:_", predicate, more, loop.total)
    return loop.fold(loop.constant(0), step, result=loop.call("_==_", loop.total, loop.constant(1)))


def _map(at: int, target: Node, args: list[Node]) -> Node:
    loop = _Loop(at, target, _variables(args[:1], "argument is not an identifier"))
    step = loop.call("_+_", loop.total, ListOf(at, [args[-1]]))
    return loop.collect(ListOf(at, []), step, args[1] if len(args) == 3 else None)


def _filter(at: int, target: Node, args: list[Node]) -> Node:
    loop = _Loop(at, target, _variables(args[:1], "argument is not an identifier"))
    return loop.collect(ListOf(at, []), loop.call("_+_", loop.total, ListOf(at, [args[0]])), args[1])


def _transform_list(at: int, target: Node, args: list[Node]) -> Node:
    loop = _Loop(at, target, _variables(args[:2]))
    step = loop.call("_+_", loop.total, ListOf(at, [args[-1]]))
    return loop.collect(ListOf(at, []), step, args[2] if len(args) == 4 else None)


def _transform_map(at: int, target: Node, args: list[Node]) -> Node:
    names = _variables(args[:2])
    loop = _Loop(at, target, names)
    step = loop.call(_INSERT, loop.total, Name(at, names[0]), args[-1])
    return loop.collect(MapOf(at, []), step, args[2] if len(args) == 4 else None)


def _transform_map_entry(at: int, target: Node, args: list[Node]) -> Node:
    loop = _Loop(at, target, _variables(args[:2]))
    step = loop.call(_INSERT, loop.total, args[-1])
    return loop.collect(MapOf(at, []), step, args[2] if len(args) == 4 else None)


def _bound(at: int, target: Node, args: list[Node], macro: str) -> Node:
    """Return an expression in which a variable is the value of an optional one."""
    name = args[0]
    if not isinstance(name, Name):
        raise MacroError(name.at, f"{macro}() variable name must be a simple identifier")
    value = Call(at, "value", target, [])
    return Fold(at, ListOf(at, []), ("#unused",), name.name, value, Constant(at, value=False), name, args[1])


def _opt_map(at: int, target: Node, args: list[Node]) -> Node:
    mapped = Call(at, "optional.of", None, [_bound(at, target, args, "optMap")])
    has_value = Call(at, "hasValue", target, [])
    return Call(at, "_?_:_", None, [has_value, mapped, Call(at, "optional.none", None, [])])


def _opt_flat_map(at: int, target: Node, args: list[Node]) -> Node:
    has_value, mapped = Call(at, "hasValue", target, []), _bound(at, target, args, "optFlatMap")
    return Call(at, "_?_:_", None, [has_value, mapped, Call(at, "optional.none", None, [])])


def _sort_by(at: int, target: Node, args: list[Node]) -> Node:
    given = Name(at, _SORTED)
    result = Call(at, "@sortByAssociatedKeys", given, [_map(at, given, args)])
    return Fold(at, ListOf(at, []), ("#unused",), _SORTED, target, Constant(at, value=False), given, result)


_MACROS: dict[tuple[str, int], Callable[[int, Node, list[Node]], Node]] = {
    ("all", 2): _all,
    ("all", 3): _all,
    ("exists", 2): _exists,
    ("exists", 3): _exists,
    ("exists_one", 2): _exists_one,
    ("exists_one", 3): _exists_one,
    ("existsOne", 2): _exists_one,
    ("existsOne", 3): _exists_one,
    ("map", 2): _map,
    ("map", 3): _map,
    ("filter", 2): _filter,
    ("transformList", 3): _transform_list,
    ("transformList", 4): _transform_list,
    ("transformMap", 3): _transform_map,
    ("transformMap", 4): _transform_map,
    ("transformMapEntry", 3): _transform_map_entry,
    ("transformMapEntry", 4): _transform_map_entry,
    ("optMap", 2): _opt_map,
    ("optFlatMap", 2): _opt_flat_map,
    ("sortBy", 2): _sort_by,
}

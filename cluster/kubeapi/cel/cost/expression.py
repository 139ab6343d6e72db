"""What an expression costs at most, before it is evaluated (cel-go ``checker/cost.go``). Pure.

How long texts, lists and maps may be follows from the literals of the expression and from what its variables are
declared as: a path of fields, ``@items``, ``@values`` and ``@keys`` below a variable leads there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeapi.cel.checking.checker import Checker
from kubeapi.cel.cost.calls import estimate
from kubeapi.cel.cost.operands import UNKNOWN, Operand
from kubeapi.cel.cost.values import Entries, Local, Path, is_binding, literal_size
from kubeapi.cel.program import Program
from kubeapi.cel.syntax.nodes import Call, Constant, Fold, ListOf, MapOf, Name, Node, ObjectOf, Select
from kubeapi.cel.types import DYN, Type, unwrapped

Sizes = Callable[[Path], int | None]
"""Returns the greatest size of what is declared at a path, None if nothing is."""

_LIST_COST, _MAP_COST, _OBJECT_COST = 10, 30, 40
_SCALARS = ("bool", "double", "duration", "int", "timestamp", "uint")


def most_cost(program: Program, sizes: Sizes) -> int:
    """Return what an expression costs at most."""
    checker = Checker(program.environment)
    checker.whole(program.tree)
    return _Coster(checker.types(), sizes).cost(program.tree)


class _Coster:
    def __init__(self, types: Mapping[Node, Type], sizes: Sizes) -> None:
        self._types = types
        self._declared = sizes
        self._paths: dict[Node, Path] = {}
        self._sizes: dict[Node, int] = {}
        self._entries: dict[Node, Entries] = {}
        self._locals: dict[str, list[Local]] = {}
        self._costs: dict[type[Node], Callable[[Any], int]] = {
            Name: self._name,
            Select: self._select,
            Call: self._call,
            ListOf: self._list,
            MapOf: self._map,
            ObjectOf: self._object,
            Fold: self._loop,
        }

    def cost(self, node: Node) -> int:
        """Return the cost of a part, and remember what is known of its value."""
        made = self._costs.get(type(node))
        return made(node) if made is not None else 0

    def _name(self, node: Name) -> int:
        local = self._local(node)
        self._paths[node] = (node.name,) if local is None else local.path
        return 1

    def _object(self, node: ObjectOf) -> int:
        return sum(self.cost(each.value) for each in node.fields) + _OBJECT_COST

    def _loop(self, node: Fold) -> int:
        return self._binding(node) if is_binding(node) else self._fold(node)

    def _select(self, node: Select) -> int:
        if node.resolved:
            return 1
        cost = self.cost(node.operand)
        if node.is_test:
            return cost
        self._paths[node] = (*self._path(node.operand), node.name)
        return cost + (self._type(node.operand).kind in ("map", "struct"))

    def _call(self, node: Call) -> int:
        if node.function == "dyn":
            cost = self.cost(node.args[0])
            self._copy(node, node.args[0])
            return cost + 1
        costs = [self.cost(each) for each in node.args]
        target = self.cost(node.target) if node.target is not None else 0
        if node.function in ("_&&_", "_||_"):
            return sum(costs)
        if node.function == "_?_:_":
            return self._choice(node, costs)
        if node.function == "_[_]":
            return self._index(node) + sum(costs) + target
        operands = [self._operand(each) for each in (*(() if node.target is None else (node.target,)), *node.args)]
        found = estimate(node.function, operands)
        if node.function == "_+_":
            self._join_entries(node)
        size = found.size if found.size is not None else self._size(node)
        if size is not None:
            self._sizes[node] = size
        return found.cost + sum(costs) + target

    def _choice(self, node: Call, costs: list[int]) -> int:
        self._sizes[node] = max(self._sized(each) for each in node.args[1:])
        self._join_entries(Call(node.at, "", None, node.args[1:]), node)
        return costs[0] + max(costs[1:])

    def _index(self, node: Call) -> int:
        container = node.args[0]
        entries, kind = self._entries_of(container), self._type(container).kind
        step = {"list": "@items", "map": "@values"}.get(kind)
        if step is not None:
            self._paths[node] = (*self._path(container), step)
        size = entries.value if entries is not None else self._size(node)
        if size is not None:
            self._sizes[node] = size
        return 1

    def _join_entries(self, call: Call, node: Node | None = None) -> None:
        """Note the entries of what is one of the arguments, or both after each other."""
        found = [self._entries_of(each) for each in call.args]
        known = [each for each in found if each is not None]
        if len(known) == len(found):
            joined = Entries(known[0].kind, max(each.key for each in known), max(each.value for each in known))
            self._entries[node or call] = joined

    def _list(self, node: ListOf) -> int:
        cost = sum(map(self.cost, node.items))
        self._entries[node] = Entries("list", 1, max(map(self._sized, node.items), default=0))
        return cost + _LIST_COST

    def _map(self, node: MapOf) -> int:
        keys = [each.key for each in node.entries if isinstance(each.key, Node)]
        values = [each.value for each in node.entries]
        cost = sum(map(self.cost, (*keys, *values)))
        key, value = (max(map(self._sized, each), default=0) for each in (keys, values))
        self._entries[node] = Entries("map", key, value)
        return cost + _MAP_COST

    def _fold(self, node: Fold) -> int:
        cost = self.cost(node.over) + self.cost(node.start)
        self._enter(node.total, self._bound(node.start))
        for name, local in zip(node.names, self._loop_variables(node), strict=True):
            self._enter(name, local)
        turn = self.cost(node.condition) + self.cost(node.step)
        for name in node.names:
            self._locals[name].pop()
        cost += self.cost(node.result)
        self._locals[node.total].pop()
        count = self._sized(node.over)
        if isinstance(node.start, Constant):
            self._sizes[node] = self._sized(node.start)
        elif isinstance(node.start, ListOf | MapOf):
            self._sizes[node] = count
            if (entries := self._entries_of(node.step)) is not None:
                self._entries[node] = entries
        return cost + count * turn

    def _loop_variables(self, node: Fold) -> list[Local]:
        entries, path = self._entries_of(node.over), self._path(node.over)
        is_list = (entries.kind if entries is not None else self._type(node.over).kind) == "list"
        key = Local((*path, "@indices" if is_list else "@keys"), entries.key if entries is not None else None)
        value = Local((*path, "@items" if is_list else "@values"), entries.value if entries is not None else None)
        if len(node.names) == 2:
            # In cel-go the two paths are one slice if it has room, and that of the value is written last.
            is_shared = len(path) & (len(path) - 1) != 0
            return [key._replace(path=value.path) if is_shared else key, value]
        return [value if is_list else key]

    def _binding(self, node: Fold) -> int:
        cost = self.cost(node.over) + self.cost(node.start)
        self._enter(node.total, self._bound(node.start))
        cost += self.cost(node.result)
        self._locals[node.total].pop()
        self._copy(node, node.result)
        return cost

    def _bound(self, node: Node) -> Local:
        return Local(self._path(node), self._size(node), self._entries_of(node))

    def _enter(self, name: str, local: Local) -> None:
        self._locals.setdefault(name, []).append(local)

    def _local(self, node: Node) -> Local | None:
        found = self._locals.get(node.name) if isinstance(node, Name) else None
        return found[-1] if found else None

    def _path(self, node: Node) -> Path:
        local = self._local(node)
        return local.path if local is not None else self._paths.get(node, ())

    def _copy(self, to: Node, of: Node) -> None:
        if (size := self._size(of)) is not None:
            self._sizes[to] = size
        if (entries := self._entries_of(of)) is not None:
            self._entries[to] = entries

    def _type(self, node: Node) -> Type:
        return self._types.get(node, DYN)

    def _operand(self, node: Node) -> Operand:
        kind = self._type(node)
        item = self._declared((*path, "@items")) if (path := self._path(node)) and kind.kind == "list" else None
        return Operand(node, kind, self._sized(node), UNKNOWN if item is None else item)

    def _sized(self, node: Node) -> int:
        size = self._size(node)
        return UNKNOWN if size is None else size

    def _size(self, node: Node) -> int | None:
        """Return the greatest size of a value, None if nothing is known of it."""
        if node in self._sizes:
            return self._sizes[node]
        if (size := literal_size(node)) is not None:
            return size
        path = self._path(node)
        if path and (size := self._declared(path)) is not None:
            self._sizes[node] = size
            return size
        if unwrapped(self._type(node))[0].kind in _SCALARS:
            return 1
        local = self._local(node)
        return local.size if local is not None else None

    def _entries_of(self, node: Node) -> Entries | None:
        if node in self._entries:
            return self._entries[node]
        local = self._local(node)
        return local.entries if local is not None else None

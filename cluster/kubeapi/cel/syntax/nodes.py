"""Expressions as trees. Macros are expanded already: ``all``, ``map`` and the like are a ``Fold``. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Node:
    """A part of an expression; ``at`` is its position in the text, in characters from 0."""

    at: int


@dataclass(slots=True, eq=False)
class Constant(Node):
    """A literal."""

    value: Any


@dataclass(slots=True, eq=False)
class Name(Node):
    """A variable or a type, ``.name`` if it is not to be looked for in comprehensions."""

    name: str


@dataclass(slots=True, eq=False)
class Select(Node):
    """``operand.name``; with ``is_test`` it is ``has(operand.name)``. ``resolved``: the whole is a type's name."""

    operand: Node
    name: str
    is_test: bool = False
    resolved: str = ""


@dataclass(slots=True, eq=False)
class Call(Node):
    """A function or operator (``_+_``) with its arguments; ``target`` None: no method."""

    function: str
    target: Node | None
    args: list[Node]


@dataclass(slots=True, eq=False)
class ListOf(Node):
    """A list; ``optional`` are the places of elements that are left out if they have no value."""

    items: list[Node]
    optional: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Entry(Node):
    """An entry of a map (``key`` is an expression) or a field of an object (``key`` is its name)."""

    key: Node | str
    value: Node
    is_optional: bool = False


@dataclass(slots=True, eq=False)
class MapOf(Node):
    """A map."""

    entries: list[Entry]


@dataclass(slots=True, eq=False)
class ObjectOf(Node):
    """An object of a type that is named."""

    type_name: str
    fields: list[Entry]


@dataclass(slots=True, eq=False)
class Fold(Node):
    """A loop over a list or a map (cel-go's comprehension): ``total`` begins as ``start``, each turn makes it ``step``.

    ``names`` are one variable (the item, the key) or two (index and item, key and value).
    """

    over: Node
    names: tuple[str, ...]
    total: str
    start: Node
    condition: Node
    step: Node
    result: Node
    size: int = field(init=False)
    """How many nodes one turn evaluates."""

    def __post_init__(self) -> None:
        self.size = _size(self.condition) + _size(self.step)


def parts(node: Node) -> list[Node]:
    """Return the nodes directly in a node."""
    match node:
        case Select():
            return [node.operand]
        case Call():
            return [*([] if node.target is None else [node.target]), *node.args]
        case ListOf():
            return node.items
        case MapOf() | ObjectOf():
            entries = node.entries if isinstance(node, MapOf) else node.fields
            return [part for each in entries for part in (each.key, each.value) if isinstance(part, Node)]
        case Fold():
            return [node.over, node.start, node.condition, node.step, node.result]
    return []


def _size(node: Node) -> int:
    return 1 + sum(map(_size, parts(node)))

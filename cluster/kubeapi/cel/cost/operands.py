"""The arguments of a call as its cost depends on them, and the cost of reading texts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

from kubeapi.cel.syntax.nodes import Constant, Node
from kubeapi.cel.types import BYTES, STRING, Type

UNKNOWN = 2**64 - 1
"""The size of what nothing is known about."""
LIST_COST = 10
TEXTS = ("string", "bytes")
TRAVERSAL, REGEX = 0.1, 0.25
"""The cost of a character, and of one of a regular expression."""
_ANY = ("dyn", "error", "param")


class Operand(NamedTuple):
    """An argument: its type, its greatest size, and that of its items if it is a list; ``node`` is its expression."""

    node: Node
    type: Type
    size: int
    item_size: int = UNKNOWN

    def is_one_of(self, *kinds: str) -> bool:
        """Tell whether it may be of one of these kinds."""
        return self.type.kind in (*kinds, *_ANY)


class Estimate(NamedTuple):
    """The cost of a call, and the greatest size of its result, None if that follows from elsewhere."""

    cost: int
    size: int | None = None


ONE = Estimate(1)
Operands = Sequence[Operand]
"""The arguments; of a method the first is what it is called on."""


def is_text(of: Type) -> bool:
    """Tell whether values of a type are texts or bytes."""
    return of in (STRING, BYTES)


def traversal(size: int, times: float = 1.0) -> int:
    """Return the cost of reading a text ``times`` times."""
    return scaled(size, times * TRAVERSAL)


def scaled(size: int, factor: float) -> int:
    """Return the cost of a size, rounded up."""
    return ceil(min(size, UNKNOWN) * factor)


def number(operands: Operands, index: int, default: int) -> int:
    """Return the number that an argument is, ``default`` if it is no literal one or not there."""
    node = operands[index].node if index < len(operands) else None
    return node.value if isinstance(node, Constant) and isinstance(node.value, int) and node.value >= 0 else default


def converting(times: int, more: int = 0) -> Callable[[Operands], Estimate]:
    """Return what estimates a function that reads a text, with a result so many times as long."""
    return lambda operands: Estimate(traversal(operands[0].size), operands[0].size * times + more)


def reading(times: float = 1.0) -> Callable[[Operands], Estimate]:
    """Return what estimates a function that only reads its first argument."""
    return lambda operands: Estimate(traversal(operands[0].size, times))


def matching(operands: Operands) -> Estimate:
    """Return the cost of looking for a regular expression in a text."""
    text, pattern = operands
    return Estimate(traversal(text.size + 1) * scaled(pattern.size, REGEX))

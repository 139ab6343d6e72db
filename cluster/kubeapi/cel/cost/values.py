"""What is known of values before an expression is evaluated. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.cel.syntax.nodes import Constant, Fold, ListOf, MapOf, Node

Path = tuple[str, ...]
"""The way from a variable to what is declared below it."""
_TOTAL = "@result"


class Entries(NamedTuple):
    """The greatest sizes of the keys and the values of a list or a map."""

    kind: str
    key: int
    value: int


class Local(NamedTuple):
    """A variable of a loop."""

    path: Path
    size: int | None
    entries: Entries | None = None


def is_binding(node: Fold) -> bool:
    """Tell whether a loop only names a value (cel.bind, optMap)."""
    is_empty = isinstance(node.over, ListOf) and not node.over.items
    is_never = isinstance(node.condition, Constant) and node.condition.value is False
    return is_empty and is_never and node.total != _TOTAL


def literal_size(node: Node) -> int | None:
    """Return the size of a literal, None for anything else."""
    match node:
        case Constant():
            return len(node.value) if isinstance(node.value, str | bytes) else 1
        case ListOf():
            return len(node.items)
        case MapOf():
            return len(node.entries)
    return None

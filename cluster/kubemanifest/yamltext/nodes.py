"""The parts of building: a parser's events, values with their places, open mappings and lists. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from kubeapi.meta import copy_value
from kubemanifest.faults import NOWHERE, Place, Position


class ContainerEvent(Protocol):
    """The begin of a mapping or a list; ``anchor`` and ``tag`` are None where there is none."""

    anchor: str | None
    tag: str | None


class ScalarEvent(Protocol):
    """A scalar. ``style`` is empty for one without quotes that is no block."""

    value: str
    anchor: str | None
    tag: str | None
    style: str | None


class Placed(NamedTuple):
    """A value, JSON as Kubernetes would read it, and its place."""

    value: Any
    place: Place


@dataclass
class Container:
    """A mapping or list that has begun: its values so far, and the key that waits for its value."""

    position: Position
    anchor: str | None
    value: dict[str, Any] | list[Any]
    children: dict[str, Place] | list[Place]
    key: str | None = None
    key_position: Position = NOWHERE
    is_merging: bool = False
    """Whether the next value belongs to ``<<``."""
    merged: set[str] = field(default_factory=set)
    """Keys that only ``<<`` has set so far."""
    size: int = 1

    @property
    def segment(self) -> str:
        """The step of the field path that leads to the value which is read next."""
        if isinstance(self.value, list):
            return f"[{len(self.value)}]"
        return "" if self.key is None else f"[{self.key}]" if "." in self.key or "/" in self.key else f".{self.key}"

    def add(self, tree: Placed) -> None:
        """Add a value to a list, or to a mapping at the key that waits."""
        if isinstance(self.value, list):
            assert isinstance(self.children, list)
            self.value.append(tree.value)
            self.children.append(tree.place)
            return
        assert isinstance(self.children, dict)
        assert self.key is not None
        self.value[self.key] = tree.value
        self.children[self.key] = Place(self.key_position, tree.place.children)
        self.merged.discard(self.key)


def copy_of(tree: Placed) -> Placed:
    """Return the tree with a value of its own, so that no two parts of a document share one."""
    return Placed(copy_value(tree.value), tree.place)


def type_name(value: Hashable) -> str:
    """Return what kind of value a key would be."""
    names: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", dict: "a mapping", list: "a list"}
    return names.get(type(value), "empty")

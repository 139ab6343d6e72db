"""Faults of the input and their positions: file, line, column, field.

Decides how a fault is printed and which similar name is offered. Reads no file and validates no object.
The text after the field path is Kubernetes' own wording (k8s.io/apimachinery ``util/validation/field``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kubeapi.similar import did_you_mean
from kubeapi.status import FieldError
from kubeapi.validation.faults import GoText


class Position(NamedTuple):
    """A position in a file; lines and columns count from 1, 0 means none."""

    line: int
    column: int


NOWHERE = Position(0, 0)


class Place(NamedTuple):
    """Where a value is written: a field's place is its key, an item's its first character.

    ``children`` follows the value: by key for a mapping, by index for a list, empty for anything else.
    """

    position: Position
    children: Mapping[str, Place] | Sequence[Place] = ()

    def child(self, step: str | int) -> Place:
        """Return the place of a field, by its name, or of an item, by its index; its own if that is not written."""
        found = _child(self, str(step))
        return self if found is None else found


class Fault(NamedTuple):
    """One fault, or one warning, of the input. ``field`` is "" when it concerns no single field."""

    source: str
    line: int
    column: int
    field: str
    message: str
    hint: str = ""

    @classmethod
    def at(cls, source: str, position: Position, field: str, message: str, hint: str = "") -> Fault:
        """Return the fault at a position."""
        return cls(source, position.line, position.column, field, message, hint)

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        text = ": ".join(part for part in (where, self.field, self.message) if part)
        return f"{text}\n    {self.hint}" if self.hint else text


_SEGMENT = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_QUOTED = re.compile(r'"([^"]*)"')
_SYNONYMS = {"clusterIPs": "clusterIP", "clusterIP": "clusterIPs"}
"""Fields of which Kubernetes may name the one when the manifest has the other."""


def locate(place: Place, field: str) -> Position:
    """Return the position of a field path, or of the nearest ancestor that is written."""
    *_, nearest_place = _way(place, field)
    return nearest_place.position


def is_written(place: Place, field: str) -> bool:
    """Tell whether the manifest has the field of a path itself, not only an ancestor."""
    return len(list(_way(place, field))) == len(_SEGMENT.findall(field)) + 1


def _way(place: Place, field: str) -> Iterator[Place]:
    """Yield the places that lead to a field, as far as they are written; the first is the document itself."""
    yield place
    for in_brackets, name in _SEGMENT.findall(field):
        child = _child(place, in_brackets or name)
        if child is None:
            return
        place = child
        yield place


def _child(place: Place, name: str) -> Place | None:
    if isinstance(place.children, Mapping):
        return _named(place.children, name)
    if name.isdecimal() and int(name) < len(place.children):
        return place.children[int(name)]
    return None


def _named(children: Mapping[str, Place], name: str) -> Place | None:
    found = children.get(name) or children.get(_SYNONYMS.get(name, name))
    if found is None:
        # Some of Kubernetes' own paths are capitalised: spec.LoadBalancerSourceRanges.
        found = next((child for key, child in children.items() if key.lower() == name.lower()), None)
    return found


def hint_for_unsupported(error: FieldError) -> str:
    """Return a hint with the supported value that is most similar to an unsupported one, "" if there is none."""
    given, found, supported = error.message.removeprefix("Unsupported value: ").partition(": supported values: ")
    if not found or "did you mean" in supported:
        return ""
    return did_you_mean(given.strip('"'), _QUOTED.findall(supported))


def as_written(value: object) -> GoText:
    """Return a value as the faults of an input show it: text in quotes but not escaped, a mapping or list in words."""
    match value:
        case dict():
            text = '"a mapping"'
        case list():
            text = '"a list"'
        case str():
            text = f'"{value}"'
        case bool():
            text = str(value).lower()
        case None:
            text = "null"
        case _:
            text = str(value)
    return GoText(text)

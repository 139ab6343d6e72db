"""From the text of a manifest to its documents: JSON as JSON, everything else as YAML.

A text is split at lines that begin with ``---``, so one broken document does not hide the others, and a document that
begins with ``{`` is JSON if it can be, as in kubectl's reader (k8s.io/apimachinery ``util/yaml``). The places of its
fields are read only when they are needed, which is when it has a fault: those of 10,000 good Services and their slices
took 100 MiB.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from kubemanifest.faults import Fault, Place, Position
from kubemanifest.yamltext.building import MAX_DEPTH
from kubemanifest.yamltext.parsing import read_chunk
from kubemanifest.yamltext.scalars import read_plain

_BOM = "\ufeff"
_EMPTY_SEPARATOR = re.compile(r"---\s*(#.*)?")
_SPACE = re.compile(r"\s*")
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Written:
    """The place of a document, the ``index``-th of a chunk of text, which is read again when the place is needed."""

    __slots__ = ("_first_line", "_index", "_place", "_text")

    def __init__(self, text: str, first_line: int, index: int) -> None:
        self._text = text
        self._first_line = first_line
        self._index = index
        self._place: Place | None = None

    @property
    def place(self) -> Place:
        """The place of the document; JSON that is no YAML has the place of its text, and none of its fields."""
        if self._place is None:
            trees = read_chunk(self._text, "", self._first_line).documents
            places = [tree.place for tree in trees if tree.value is not None]
            self._place = places[self._index] if self._index < len(places) else self._beginning()
        return self._place

    def _beginning(self) -> Place:
        before = self._text[: -len(_content(self._text))]
        return Place(Position(self._first_line + before.count("\n") + 1, 1))


class Spot(NamedTuple):
    """Where a value is written: in which document, and the steps that lead to it there."""

    document: Written
    steps: tuple[str | int, ...] = ()

    def item(self, index: int) -> Spot:
        """Return the spot of an item of the List that is written here."""
        return Spot(self.document, (*self.steps, "items", index))

    @property
    def place(self) -> Place:
        """The place of the value, and of its fields below it."""
        place = self.document.place
        for step in self.steps:
            place = place.child(step)
        return place


class Tree(NamedTuple):
    """A value, JSON as Kubernetes would read it, and where it is written."""

    value: Any
    spot: Spot


class Text(NamedTuple):
    """The documents of a text but for empty ones; ``faults`` are of documents that cannot be read."""

    trees: list[Tree]
    faults: list[Fault]
    warnings: list[Fault]


def read_text(text: str, source: str) -> Text:
    """Return the documents of a text; warnings are of what kubectl refuses, or reads differently than it looks."""
    found = Text([], [], [])
    for first_line, chunk in _split(text.removeprefix(_BOM), source, found.warnings):
        if not _take_json(found, first_line, chunk):
            for line, piece in _objects(first_line, chunk, source, found.warnings):
                _take(found, line, piece, source)
    return found


def _take_json(found: Text, first_line: int, piece: str) -> bool:
    """Add the object that a piece of text is in plain JSON; tell whether it is one."""
    value = _read_json(piece)
    if value is None:
        return False
    found.trees.append(Tree(value, Spot(Written(piece, first_line, 0))))
    return True


def _take(found: Text, first_line: int, piece: str, source: str) -> None:
    if _take_json(found, first_line, piece):
        return
    documents, faults, warnings = read_chunk(piece, source, first_line)
    values = [each.value for each in documents if each.value is not None]
    found.trees.extend(Tree(each, Spot(Written(piece, first_line, index))) for index, each in enumerate(values))
    found.faults.extend(faults)
    found.warnings.extend(warnings)


def _split(text: str, source: str, warnings: list[Fault]) -> Iterator[tuple[int, str]]:
    """Yield each document's text with the number of lines before it."""
    starts = [0, *(found.start() for found in _SEPARATOR.finditer(text)), len(text)]
    line = 0
    for start, end in itertools.pairwise(starts):
        chunk = text[start:end]
        first, _, rest = chunk.partition("\n")
        if chunk.startswith("---"):
            if not _EMPTY_SEPARATOR.fullmatch(first):
                message = 'kubectl refuses text in the line of a "---"'
                warnings.append(Fault.at(source, Position(line + 1, 5), "", message, "begin it in the next line"))
            elif rest.startswith(_BOM):
                chunk = f"{first}\n{rest.removeprefix(_BOM)}"
        if _has_content(chunk, line, source, warnings):
            yield line, chunk
        line += chunk.count("\n")


def _has_content(chunk: str, line: int, source: str, warnings: list[Fault]) -> bool:
    """Tell whether there is more in a chunk than comments and directives, which kubectl refuses."""
    for number, each in enumerate(chunk.split("\n"), line + 1):
        if each.startswith("%"):
            warnings.append(Fault.at(source, Position(number, 1), "", "kubectl refuses a directive", "remove the line"))
        elif each.strip() and not each.startswith("#"):
            return True
    return False


def _objects(first_line: int, chunk: str, source: str, warnings: list[Fault]) -> Iterator[tuple[int, str]]:
    """Yield the JSON objects that follow one another in a chunk, as of ``jq '.items[]'``, or else the chunk as it is.

    Each comes with the number of lines before it, and at its own columns.
    """
    starts, position = [0], len(chunk) - len(_content(chunk))
    while chunk.startswith("{", position):
        try:
            _, end = _ANY_JSON.raw_decode(chunk, position)
        except (ValueError, RecursionError):
            break
        position = _SPACE.match(chunk, end).end()  # type: ignore[union-attr]  # it matches no space, too
        if chunk.startswith("{", position):
            starts.append(position)
    for start, end in itertools.pairwise([*starts, len(chunk)]):
        column = start - chunk.rfind("\n", 0, start) - 1
        if [start] == starts[1:2]:
            message = 'a second JSON object begins here without a "---" before it; it is read, too'
            warnings.append(Fault.at(source, Position(first_line + 1, column + 1), "", message))
        yield first_line, " " * column + chunk[start:end]
        first_line += chunk.count("\n", start, end)


def _read_json(chunk: str) -> Any:
    """Return the object that a chunk is in plain JSON; None if it is none, or needs a warning or a fault."""
    text = _content(chunk)
    # Surrogate pairs are joined, and single surrogates refused, where YAML is read.
    if not text.startswith("{") or _SURROGATE.search(text):
        return None
    try:
        value = _JSON.decode(text)
    except (ValueError, RecursionError):
        return None
    return None if text.count("{") + text.count("[") > MAX_DEPTH and _is_deep(value) else value


def _content(chunk: str) -> str:
    return chunk.removeprefix("---").lstrip()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")


_JSON = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=read_plain, parse_float=read_plain, parse_constant=_refuse
)
_ANY_JSON = json.JSONDecoder()


def _is_deep(value: Any) -> bool:
    """Tell whether values are nested deeper than they may be in a manifest."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True

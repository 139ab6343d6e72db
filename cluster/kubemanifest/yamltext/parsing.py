"""From a text to its YAML documents and its faults in plain words, and back. The only file that knows PyYAML.

Reads the parser's events, not the nodes of ``yaml.compose``: the library's composer recurses for each level of nesting,
and bounds neither depth nor aliases. Here both are bounded, and an error keeps the path of the value where it happened.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from kubemanifest.faults import Fault, Position
from kubemanifest.yamltext.brokentext import explain, is_tab_at
from kubemanifest.yamltext.building import MAX_DEPTH, BrokenDocument, Builder
from kubemanifest.yamltext.nodes import Placed

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class Chunk(NamedTuple):
    """The documents of a text, the faults of the unreadable ones, and warnings of what only kubectl accepts."""

    documents: list[Placed]
    faults: list[Fault]
    warnings: list[Fault]


def read_chunk(text: str, source: str, first_line: int) -> Chunk:
    """Read the documents of a text that begins after ``first_line`` lines."""
    reader = _Reader(text, source, first_line)
    return Chunk(list(reader.documents()), reader.builder.faults, reader.builder.warnings)


class _Reader:
    """Feeds a Builder from the parser's events."""

    def __init__(self, text: str, source: str, first_line: int) -> None:
        self.builder = Builder(source)
        self._text = _join_surrogates(text)
        self._first_line = first_line

    def documents(self) -> Iterator[Placed]:
        """Yield the documents that can be read to their end; the builder has the faults of the others."""
        builder = self.builder
        try:
            for event in self._events():
                if isinstance(event, yaml.DocumentEndEvent):
                    root = builder.end_document()
                    if root is not None:
                        yield root
                else:
                    self._feed(event)
        except BrokenDocument as broken:
            builder.fault(broken.position, broken.path, broken.message, broken.hint)
        except yaml.MarkedYAMLError as error:
            self._explain(error)
        except yaml.reader.ReaderError as error:
            position = self._position_of_character(error.position)
            builder.fault(position, "", f"the character U+{int(error.character):04X} is not allowed in YAML")

    def _events(self) -> Iterator[Any]:
        """Yield the parser's events, and before its error those that lead deeper than MAX_DEPTH, if there are any.

        A parser reads ahead of its events, up to 1024 characters of a line, and may have a limit of its own there
        (libyaml 0.2.6: 1,000 levels).
        """
        seen = 0
        try:
            for event in yaml.parse(self._text, Loader=_LOADER):
                seen += 1
                yield event
        except yaml.MarkedYAMLError as error:
            if error.problem_mark is not None:
                yield from self._too_deep(self._text[: error.problem_mark.index], seen)
            raise

    def _too_deep(self, text: str, seen: int) -> list[Any]:
        """Return the events of a text that come after ``seen`` ones, if they lead deeper than MAX_DEPTH."""
        events, depth = [], self.builder.depth
        with contextlib.suppress(yaml.YAMLError):
            for event in itertools.islice(yaml.parse(text, Loader=_LOADER), seen, None):
                events.append(event)
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if depth > MAX_DEPTH:
                    return events
        return []

    def _feed(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self.builder.scalar(event, self._position(event.start_mark))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.builder.end_container()
        elif isinstance(event, yaml.MappingStartEvent):
            self.builder.begin_container({}, event, self._position(event.start_mark))
        elif isinstance(event, yaml.SequenceStartEvent):
            self.builder.begin_container([], event, self._position(event.start_mark))
        elif isinstance(event, yaml.AliasEvent):
            self.builder.alias(event.anchor, self._position(event.start_mark))

    def _position(self, mark: Any) -> Position:
        return Position(self._first_line + mark.line + 1, mark.column + 1)

    def _position_of_character(self, index: int) -> Position:
        before = self._text[:index]
        return Position(self._first_line + before.count("\n") + 1, index - before.rfind("\n"))

    def _explain(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        opened = error.context_mark.line + self._first_line + 1 if error.context_mark else 0
        message, hint = explain(error.problem or "", opened, has_tab=is_tab_at(self._text, line, column))
        self.builder.fault(Position(self._first_line + line + 1, column + 1), self.builder.path(), message, hint)


def write_yaml(document: Any) -> str:
    """Return a JSON value as YAML, without line breaks in long strings."""
    return str(yaml.safe_dump(document, allow_unicode=True, width=math.inf))


def _join_surrogates(text: str) -> str:
    """Write JSON's escaped surrogate pairs as the character they mean; libyaml refuses them."""

    def join(found: re.Match[str]) -> str:
        high, low = int(found[1], 16), int(found[2], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _SURROGATES.sub(join, text) if "\\u" in text else text

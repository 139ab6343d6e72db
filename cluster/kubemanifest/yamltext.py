"""From YAML to its values, each with its place: the only file that knows PyYAML.

Decides what anchors, merge keys, duplicate keys and broken text mean, as kubectl's reader does (sigs.k8s.io/yaml).
Reads parser events, not nodes: the parser then needs no stack of its own, and depth and aliases are bounded here.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import yaml

from kubemanifest.brokentext import explain, is_tab_at
from kubemanifest.faults import NOWHERE, Fault, Place, Position
from kubemanifest.scalars import Scalar, UnusableScalar, is_ignored, key_of_value, read_key, read_scalar

MAX_DEPTH = 100
"""Levels of nesting; Kubernetes' deepest objects have about 15."""

MAX_ALIASED = 100_000
"""Values that the aliases of one document may stand for: far above honest use, far below a "billion laughs"."""

KEY_IS_SET = "already set in map"
"""How the warning of a key that is there twice ends."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_CONTAINER_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_MERGE_TAG = "tag:yaml.org,2002:merge"


class Placed(NamedTuple):
    """A value, JSON as Kubernetes would read it, and its place."""

    value: Any
    place: Place


@dataclass
class _Mark:
    line: int
    column: int


class _BrokenDocument(Exception):
    """What makes a document unreadable: the reason to leave the rest of its text alone."""

    def __init__(self, position: Position, path: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.position, self.path, self.message, self.hint = position, path, message, hint


class Chunk(NamedTuple):
    """The documents of a piece of text, the faults of the unreadable ones, and what only kubectl's leniency accepts."""

    documents: list[Placed]
    faults: list[Fault]
    warnings: list[Fault]


def read_chunk(text: str, source: str, first_line: int) -> Chunk:
    """Read the documents of a text that begins after ``first_line`` lines."""
    reader = _Reader(text, source, first_line)
    return Chunk(list(reader.documents()), reader.faults, reader.warnings)


@dataclass
class _Anchored:
    tree: Placed
    size: int


@dataclass
class _Open:
    """A mapping or list that has begun: what it holds so far, and the key that waits for its value."""

    position: Position
    anchor: str | None
    value: dict[str, Any] | list[Any]
    children: dict[str, Place] | list[Place]
    key: str | None = None
    key_position: Position = NOWHERE
    is_merging: bool = False
    """Whether the value that is awaited belongs to ``<<``."""
    merged: set[str] = field(default_factory=set)
    """Keys that only a ``<<`` has brought so far."""
    size: int = 1

    @property
    def segment(self) -> str:
        """The step of the field path that leads to the value which is being read."""
        if isinstance(self.value, list):
            return f"[{len(self.value)}]"
        return "" if self.key is None else f"[{self.key}]" if "." in self.key or "/" in self.key else f".{self.key}"


_MERGE = "<<"


class _Reader:
    """Builds the trees of one chunk of text from the parser's events."""

    def __init__(self, text: str, source: str, first_line: int) -> None:
        self._text = _join_surrogates(text)
        self._source = source
        self._first_line = first_line
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._aliased = 0
        self._root: Placed | None = None

    def documents(self) -> Iterator[Placed]:
        """Yield the documents that can be read to their end; what is wrong is in ``faults``."""
        try:
            for event in self._events():
                if isinstance(event, yaml.DocumentEndEvent):
                    if self._root is not None:
                        yield self._root
                    self._stack, self._anchors, self._aliased = [], {}, 0
                    self._root = None
                else:
                    self._take(event)
        except _BrokenDocument as broken:
            self._fault(broken.position, broken.path, broken.message, broken.hint)
        except yaml.MarkedYAMLError as error:
            self._explain(error)
        except yaml.reader.ReaderError as error:
            position = self._position_of_character(error.position)
            self._fault(position, "", f"the character U+{int(error.character):04X} is not allowed in YAML")

    def _events(self) -> Iterator[Any]:
        """Yield the parser's events, and before its error those that lead deeper than MAX_DEPTH, if there are such.

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
        events, depth = [], len(self._stack)
        with contextlib.suppress(yaml.YAMLError):
            for event in itertools.islice(yaml.parse(text, Loader=_LOADER), seen, None):
                events.append(event)
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if depth > MAX_DEPTH:
                    return events
        return []

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, self._position(event.start_mark))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event, self._position(event.start_mark))
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, self._position(event.start_mark))

    def _open(self, event: Any, position: Position) -> None:
        if self._awaits_key():
            self._break(position, "a key must be text, not a mapping or a list", "quote it if it is text")
        if len(self._stack) == MAX_DEPTH:
            self._break(position, f"nested deeper than {MAX_DEPTH} levels")
        if event.tag not in _CONTAINER_TAGS:
            self._warn_of_tag(event.tag, position)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(position, event.anchor, {} if is_mapping else [], {} if is_mapping else []))

    def _close(self) -> None:
        done = self._stack.pop()
        self._put(Placed(done.value, Place(done.position, done.children)), done.anchor, done.size)

    def _scalar(self, event: Any, position: Position) -> None:
        is_plain = event.style in ("", None)
        if self._awaits_key():
            self._key(event, position, is_plain=is_plain)
            return
        if is_ignored(event.tag):
            self._warn_of_tag(event.tag, position)
        try:
            value = read_scalar(event.value, is_plain=is_plain, tag=event.tag)
        except UnusableScalar as unusable:
            self._fault(position, self._path(), str(unusable), "quote it if it is text")
            value = None
        self._put(Placed(value, Place(position)), event.anchor, 1)

    def _key(self, event: Any, position: Position, *, is_plain: bool) -> None:
        if event.value == _MERGE and (event.tag == _MERGE_TAG or (is_plain and event.tag is None)):
            self._set_key(event.value, position, is_merge=True)
            return
        try:
            value = read_scalar(event.value, is_plain=is_plain, tag=event.tag)
        except UnusableScalar:
            value = None
        key = value if isinstance(value, str) else self._odd_key(event, position, value, is_plain=is_plain)
        self._set_key(key, position)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(Placed(value, Place(position)), 1)

    def _odd_key(self, event: Any, position: Position, value: Scalar, *, is_plain: bool) -> str:
        """Return what a key that is no text is to Kubernetes, and say so."""
        hint = f'quote it: "{event.value}"'
        try:
            key = read_key(event.value, is_plain=is_plain, tag=event.tag)
        except UnusableScalar as unusable:
            self._fault(position, self._path(), str(unusable), hint)
            return str(event.value)
        kind = "a boolean" if isinstance(value, bool) else "a number"
        self._warn(position, self._path(), f'the key {event.value} is {kind}; Kubernetes reads it as "{key}"', hint)
        return key

    def _set_key(self, key: str, position: Position, *, is_merge: bool = False) -> None:
        parent = self._stack[-1]
        assert isinstance(parent.children, dict)
        if key in parent.children and key not in parent.merged and not is_merge:
            first = parent.children[key].position
            path = self._path() + (f".{key}" if self._path() else key)
            where = f"it is first set at line {first.line}; the last one counts, as kubectl reads it"
            self._warn(position, path, f'key "{key}" {KEY_IS_SET}', where)
        parent.key, parent.key_position, parent.is_merging = key, position, is_merge

    def _alias(self, anchor: Any, position: Position) -> None:
        if anchor not in self._anchors:
            self._break(position, f"*{anchor} refers to an anchor that is not defined before it")
        anchored = self._anchors[anchor]
        if anchored is None:
            self._break(position, f"*{anchor} is inside the value of &{anchor} itself")
        assert anchored is not None
        self._aliased += anchored.size
        if self._aliased > MAX_ALIASED:
            self._break(position, f"the aliases of this document stand for more than {MAX_ALIASED} values")
        if not self._awaits_key():
            self._put(_copy(anchored.tree), None, anchored.size)
            return
        try:
            if isinstance(anchored.tree.value, (dict, list)):
                raise UnusableScalar
            key = key_of_value(anchored.tree.value)
        except UnusableScalar:
            self._break(position, f"a key must be text, but *{anchor} is {_type_name(anchored.tree.value)}")
        self._set_key(key, position)

    def _put(self, tree: Placed, anchor: str | None, size: int) -> None:
        if anchor:
            self._anchors[anchor] = _Anchored(tree, size)
        if not self._stack:
            self._root = tree
            return
        parent = self._stack[-1]
        parent.size += size
        if isinstance(parent.value, list):
            assert isinstance(parent.children, list)
            parent.value.append(tree.value)
            parent.children.append(tree.place)
            return
        assert isinstance(parent.children, dict)
        assert parent.key is not None
        if parent.is_merging:
            self._merge(parent, tree)
        else:
            parent.value[parent.key] = tree.value
            parent.children[parent.key] = Place(parent.key_position, tree.place.children)
            parent.merged.discard(parent.key)
        parent.key = None

    def _merge(self, parent: _Open, tree: Placed) -> None:
        """Bring in what ``<<`` stands for: over the keys before it, under those after it; earlier sources win."""
        assert isinstance(parent.value, dict)
        assert isinstance(parent.children, dict)
        sources = [tree]
        if isinstance(tree.place.children, list):
            sources = [Placed(value, place) for value, place in zip(tree.value, tree.place.children, strict=True)]
        if not all(isinstance(each.value, dict) for each in sources):
            self._break(parent.key_position, "the value of << must be a mapping, or a list of mappings")
        for source in reversed(sources):
            assert isinstance(source.place.children, dict)
            for key, value in source.value.items():
                if key not in parent.merged and parent.value.get(key, value) != value:
                    message = f'<< replaces "{key}" that stands before it, as kubectl reads it'
                    self._warn(parent.key_position, self._path(), message, "write << first to keep the mapping's own")
                elif key not in parent.value:
                    parent.merged.add(key)
                parent.value[key] = value
                parent.children[key] = source.place.children[key]

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _path(self) -> str:
        return "".join(each.segment for each in self._stack).removeprefix(".")

    def _position(self, mark: Any) -> Position:
        return Position(self._first_line + mark.line + 1, mark.column + 1)

    def _position_of_character(self, index: int) -> Position:
        before = self._text[:index]
        return Position(self._first_line + before.count("\n") + 1, index - before.rfind("\n"))

    def _explain(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark or _Mark(0, 0)
        opened = error.context_mark.line + self._first_line + 1 if error.context_mark else 0
        message, hint = explain(error.problem or "", opened, has_tab=is_tab_at(self._text, mark.line, mark.column))
        self._fault(self._position(mark), self._path(), message, hint)

    def _fault(self, position: Position, path: str, message: str, hint: str = "") -> None:
        self.faults.append(Fault.at(self._source, position, path, message, hint))

    def _warn(self, position: Position, path: str, message: str, hint: str = "") -> None:
        self.warnings.append(Fault.at(self._source, position, path, message, hint))

    def _warn_of_tag(self, tag: str, position: Position) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self._warn(position, self._path(), f"the tag {shown} has no meaning in a manifest and is ignored")

    def _break(self, position: Position, message: str, hint: str = "") -> NoReturn:
        raise _BrokenDocument(position, self._path(), message, hint)


def _copy(tree: Placed) -> Placed:
    """Return the tree with a value of its own, so that no two parts of a document share one."""
    return Placed(_copy_value(tree.value), tree.place)


def _copy_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy_value(each) for key, each in value.items()}
    return [_copy_value(each) for each in value] if isinstance(value, list) else value


def _type_name(value: Hashable) -> str:
    names: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", dict: "a mapping", list: "a list"}
    return names.get(type(value), "empty")


def _join_surrogates(text: str) -> str:
    """Write JSON's escaped surrogate pairs as the character they mean; libyaml refuses them."""

    def join(found: re.Match[str]) -> str:
        high, low = int(found[1], 16), int(found[2], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _SURROGATES.sub(join, text) if "\\u" in text else text

"""Values from a parser's events: what keys, anchors, aliases, ``<<`` and duplicate keys mean to kubectl. Pure.

As kubectl's reader has it (sigs.k8s.io/yaml). Knows no YAML library: its events are two protocols here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from kubemanifest.faults import Fault, Place, Position
from kubemanifest.yamltext.nodes import Container, ContainerEvent, Placed, ScalarEvent, copy_of, type_name
from kubemanifest.yamltext.scalars import Scalar, UnusableScalar, is_ignored, key_of_value, read_key, read_scalar

MAX_DEPTH = 100
"""Levels of nesting; Kubernetes' deepest objects have about 15."""

MAX_ALIASED = 100_000
"""Values that the aliases of one document may stand for: far above honest use, far below a "billion laughs"."""

KEY_IS_SET = "already set in map"
"""How the warning of a key that is there twice ends."""

_CONTAINER_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_MERGE_TAG = "tag:yaml.org,2002:merge"
_MERGE = "<<"


class BrokenDocument(Exception):
    """A fault that makes a document unreadable: the rest of its text is not read."""

    def __init__(self, position: Position, path: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.position, self.path, self.message, self.hint = position, path, message, hint


@dataclass
class _Anchored:
    tree: Placed
    size: int


class Builder:
    """Builds the values of one text, document by document. ``faults`` and ``warnings`` name the text as ``source``."""

    def __init__(self, source: str) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self._source = source
        self._stack: list[Container] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._aliased = 0
        self._root: Placed | None = None

    @property
    def depth(self) -> int:
        """How many mappings and lists have begun and not ended."""
        return len(self._stack)

    def end_document(self) -> Placed | None:
        """End the document and return its value, None if it is empty."""
        root = self._root
        self._stack, self._anchors, self._aliased, self._root = [], {}, 0, None
        return root

    def begin_container(self, value: dict[str, Any] | list[Any], event: ContainerEvent, position: Position) -> None:
        """Begin a mapping or a list, ``value`` is an empty one."""
        if self._awaits_key():
            self._break(position, "a key must be text, not a mapping or a list", "quote it if it is text")
        if len(self._stack) == MAX_DEPTH:
            self._break(position, f"nested deeper than {MAX_DEPTH} levels")
        if event.tag not in _CONTAINER_TAGS:
            self._warn_of_tag(event.tag, position)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(Container(position, event.anchor, value, {} if isinstance(value, dict) else []))

    def end_container(self) -> None:
        """End the mapping or list that began last."""
        done = self._stack.pop()
        self._put(Placed(done.value, Place(done.position, done.children)), done.anchor, done.size)

    def scalar(self, event: ScalarEvent, position: Position) -> None:
        """Add a scalar: a key where the mapping needs one, else a value."""
        is_plain = event.style in ("", None)
        if self._awaits_key():
            self._key(event, position, is_plain=is_plain)
            return
        if is_ignored(event.tag):
            self._warn_of_tag(event.tag, position)
        try:
            value = read_scalar(event.value, is_plain=is_plain, tag=event.tag)
        except UnusableScalar as unusable:
            self.fault(position, self.path(), str(unusable), "quote it if it is text")
            value = None
        self._put(Placed(value, Place(position)), event.anchor, 1)

    def _key(self, event: ScalarEvent, position: Position, *, is_plain: bool) -> None:
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

    def _odd_key(self, event: ScalarEvent, position: Position, value: Scalar, *, is_plain: bool) -> str:
        """Return the text that Kubernetes makes of a key that is a boolean or a number, and warn of it."""
        hint = f'quote it: "{event.value}"'
        try:
            key = read_key(event.value, is_plain=is_plain, tag=event.tag)
        except UnusableScalar as unusable:
            self.fault(position, self.path(), str(unusable), hint)
            return str(event.value)
        kind = "a boolean" if isinstance(value, bool) else "a number"
        self._warn(position, self.path(), f'the key {event.value} is {kind}; Kubernetes reads it as "{key}"', hint)
        return key

    def _set_key(self, key: str, position: Position, *, is_merge: bool = False) -> None:
        parent = self._stack[-1]
        assert isinstance(parent.children, dict)
        if key in parent.children and key not in parent.merged and not is_merge:
            first = parent.children[key].position
            path = self.path() + (f".{key}" if self.path() else key)
            where = f"it is first set at line {first.line}; the last one counts, as kubectl reads it"
            self._warn(position, path, f'key "{key}" {KEY_IS_SET}', where)
        parent.key, parent.key_position, parent.is_merging = key, position, is_merge

    def alias(self, anchor: str | None, position: Position) -> None:
        """Add a copy of the value of an anchor, or its text as a key."""
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
            self._put(copy_of(anchored.tree), None, anchored.size)
            return
        try:
            if isinstance(anchored.tree.value, (dict, list)):
                raise UnusableScalar
            key = key_of_value(anchored.tree.value)
        except UnusableScalar:
            self._break(position, f"a key must be text, but *{anchor} is {type_name(anchored.tree.value)}")
        self._set_key(key, position)

    def _put(self, tree: Placed, anchor: str | None, size: int) -> None:
        if anchor:
            self._anchors[anchor] = _Anchored(tree, size)
        if not self._stack:
            self._root = tree
            return
        parent = self._stack[-1]
        parent.size += size
        if parent.is_merging:
            self._merge(parent, tree)
        else:
            parent.add(tree)
        parent.key, parent.is_merging = None, False

    def _merge(self, parent: Container, tree: Placed) -> None:
        """Set the keys of a ``<<``: they replace keys before it, keys after it replace them; earlier sources win."""
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
                    self._warn(parent.key_position, self.path(), message, "write << first to keep the mapping's own")
                elif key not in parent.value:
                    parent.merged.add(key)
                parent.value[key] = value
                parent.children[key] = source.place.children[key]

    def _awaits_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].key is None and isinstance(self._stack[-1].value, dict)

    def path(self) -> str:
        """Return the field path of the value that is being read."""
        return "".join(each.segment for each in self._stack).removeprefix(".")

    def fault(self, position: Position, path: str, message: str, hint: str = "") -> None:
        """Record a fault."""
        self.faults.append(Fault.at(self._source, position, path, message, hint))

    def _warn(self, position: Position, path: str, message: str, hint: str = "") -> None:
        self.warnings.append(Fault.at(self._source, position, path, message, hint))

    def _warn_of_tag(self, tag: str | None, position: Position) -> None:
        shown = str(tag).replace("tag:yaml.org,2002:", "!!")
        self._warn(position, self.path(), f"the tag {shown} has no meaning in a manifest and is ignored")

    def _break(self, position: Position, message: str, hint: str = "") -> NoReturn:
        raise BrokenDocument(position, self.path(), message, hint)

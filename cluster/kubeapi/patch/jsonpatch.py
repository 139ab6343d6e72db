"""JSON patch (RFC 6902): a list of operations on a document. Pure; arguments stay unchanged.

The size of copies is limited, as copies of copies grow exponentially. Follows gopkg.in/evanphx/json-patch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from kubeapi.serialization.gojson import MAX_DEPTH, go_kind

MAX_OPERATIONS = 10_000
"""Operations of one patch (apiserver maxJSONPatchOperations)."""

COPY_LIMIT = 3 * 1024 * 1024
"""Bytes of JSON that the copy operations of one patch may add (AccumulatedCopySizeLimit)."""

_INDEX = re.compile("[+-]?[0-9]{1,9}", re.ASCII)
"""What strconv.Atoi reads; a negative index counts from the end (json-patch's SupportNegativeIndices)."""
_WITH_VALUE = frozenset(("add", "replace", "test"))
_PLACED = frozenset(("add", "remove", "replace"))
_WITH_FROM = frozenset(("move", "copy"))


class MalformedPatchError(ValueError):
    """The patch is no JSON patch."""


class PatchConflictError(ValueError):
    """An operation does not fit the document, or a test failed."""


def apply(document: Any, operations: Any) -> Any:
    """Return the document after all operations."""
    if not isinstance(operations, list):
        kind = go_kind(operations)
        raise MalformedPatchError(f"json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp")
    for each in operations:
        _check_types(each)
    patched = _Document(document)
    try:
        for each in operations:
            patched.perform(_checked(each))
    except RecursionError:
        raise PatchConflictError("exceeded max depth") from None
    if _is_too_deep(patched.value):
        raise PatchConflictError("exceeded max depth")
    return patched.value


def _is_too_deep(value: Any) -> bool:
    """Tell whether copies have made a document deeper than a body may be."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for each in level if isinstance(each, (dict, list)) for item in _items(each)]
        if not level:
            return False
    return True


def _items(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _check_types(operation: Any) -> None:
    """Raise MalformedPatchError for an operation that is none of Go's type; null is an empty one."""
    if operation is None:
        return
    if not isinstance(operation, dict):
        text = f"json: cannot unmarshal {go_kind(operation)} into Go value of type handlers.jsonPatchOp"
        raise MalformedPatchError(text)
    for name in ("op", "path", "from"):
        value = operation.get(name)
        if value is not None and not isinstance(value, str):
            field = f"Go struct field jsonPatchOp.{name} of type string"
            raise MalformedPatchError(f"json: cannot unmarshal {go_kind(value)} into {field}")


def _checked(read: dict[str, Any] | None) -> dict[str, Any]:
    operation: dict[str, Any] = {} if read is None else read
    kind = operation.get("op")
    if kind not in ("remove", *_WITH_VALUE, *_WITH_FROM):
        raise PatchConflictError(f"Unexpected kind: {kind}")
    for name in ("path", *(("from",) if kind in _WITH_FROM else ())):
        if not isinstance(operation.get(name), str):
            raise PatchConflictError(f"{kind} operation without {name}")
    if kind in _WITH_VALUE and "value" not in operation and kind != "test":
        raise PatchConflictError(f"{kind} operation without value")
    return operation


class _Document:
    """A document to which operations are applied in place."""

    def __init__(self, value: Any) -> None:
        self.value = _copy(value)
        self._copied_bytes = 0

    def perform(self, operation: dict[str, Any]) -> None:
        """Perform one operation."""
        path = _parse_pointer(operation["path"])
        self._check_place(operation, path)
        match operation["op"]:
            case "add":
                self._add(path, _copy(operation["value"]))
            case "remove":
                self._remove(path)
            case "replace":
                self._get(path)
                self._set(path, _copy(operation["value"]))
            case "move":
                source = _parse_pointer(operation["from"])
                if path[: len(source)] == source and path != source:
                    raise PatchConflictError("a value cannot be moved into itself")
                self._add(path, self._remove(source))
            case "copy":
                self._add(path, self._counted_copy(self._get(_parse_pointer(operation["from"]))))
            case "test":
                if not _is_same(self._find(path), operation.get("value")):
                    raise PatchConflictError(f"testing value {operation['path']} failed: test failed")

    def _check_place(self, operation: dict[str, Any], path: list[str]) -> None:
        """Raise PatchConflictError, in json-patch's words, if there is nothing where a value is to be."""
        kind, text = operation["op"], operation["path"]
        if kind not in _PLACED or not path:
            return
        parent = self._found(path[:-1])
        if not isinstance(parent, (dict, list)):
            where = text if kind == "replace" else f'"{text}"'
            raise PatchConflictError(f"{kind} operation does not apply: doc is missing path: {where}: missing value")
        if isinstance(parent, dict) and path[-1] not in parent and kind != "add":
            if kind == "replace":
                raise PatchConflictError(f"replace operation does not apply: doc is missing key: {text}: missing value")
            missing = f"Unable to remove nonexistent key: {path[-1]}: missing value"
            raise PatchConflictError(f"error in remove for path: '{text}': {missing}")

    def _found(self, path: list[str]) -> Any:
        try:
            return self._get(path)
        except PatchConflictError:
            return None

    def _get(self, path: list[str]) -> Any:
        value = self.value
        for part in path:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list):
                value = value[_index(part, len(value) - 1)]
            else:
                raise PatchConflictError(f"missing path: {part}")
        return value

    def _find(self, path: list[str]) -> Any:
        """Return the value at a path for a test, to which an absent last member is null."""
        if not path:
            return self.value
        parent = self._get(path[:-1])
        return parent.get(path[-1]) if isinstance(parent, dict) else self._get(path)

    def _add(self, path: list[str], value: Any) -> None:
        parent = self._get(path[:-1]) if path else None
        if isinstance(parent, list):
            parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent)), value)
        else:
            self._set(path, value)

    def _set(self, path: list[str], value: Any) -> None:
        if not path:
            self.value = value
            return
        parent = self._get(path[:-1])
        if isinstance(parent, dict):
            parent[path[-1]] = value
        elif isinstance(parent, list):
            parent[_index(path[-1], len(parent) - 1)] = value
        else:
            raise PatchConflictError(f"missing container: {path[-1]}")

    def _remove(self, path: list[str]) -> Any:
        if not path:
            raise PatchConflictError("the whole document cannot be removed")
        removed, parent = self._get(path), self._get(path[:-1])
        del parent[path[-1] if isinstance(parent, dict) else _index(path[-1], len(parent) - 1)]
        return removed

    def _counted_copy(self, value: Any) -> Any:
        text = json.dumps(value)
        self._copied_bytes += len(text)
        if self._copied_bytes > COPY_LIMIT:
            raise PatchConflictError(f"the total of the copied values exceeds {COPY_LIMIT} bytes")
        return json.loads(text)


def _parse_pointer(text: str) -> list[str]:
    """Return the parts of a JSON pointer (RFC 6901)."""
    if not text:
        return []
    if not text.startswith("/"):
        raise PatchConflictError(f"invalid pointer: {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _index(text: str, last: int) -> int:
    """Return the list index in a part of a path; ``last`` is the highest allowed one."""
    index = int(text) if _INDEX.fullmatch(text) else last + 1
    if not -last - 1 <= index <= last:
        raise PatchConflictError(f"index out of bounds: {text}")
    return index if index >= 0 else index + last + 1


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_is_same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool))

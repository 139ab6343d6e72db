"""JSON patch (RFC 6902): a list of operations on a document. Pure; arguments stay unchanged.

Follows gopkg.in/evanphx/json-patch.v4, which is more lenient than the RFC: what is not there can be replaced and
copied, and a value can be left out. The size of copies is limited, as copies of copies grow exponentially.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from kubeapi.meta import copy_value
from kubeapi.patch.values import is_same, is_too_deep
from kubeapi.serialization.gojson import go_kind
from kubeapi.validation.faults import go_value

MAX_OPERATIONS = 10_000
"""Operations of one patch (apiserver maxJSONPatchOperations)."""

COPY_LIMIT = 3 * 1024 * 1024
"""Bytes of JSON that the copy operations of one patch may add (AccumulatedCopySizeLimit)."""

_INDEX = re.compile("[+-]?[0-9]{1,9}", re.ASCII)
"""What strconv.Atoi reads; a negative index counts from the end (json-patch's SupportNegativeIndices)."""

_MISSING = "missing value"
_NO_PATH = f"operation missing path field: {_MISSING}"
_NO_FROM = f"operation, missing from field: {_MISSING}"
_NO_INDEX = "value was not a proper array index: '{}'"


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
            patched.perform({} if each is None else each)
    except RecursionError:
        raise PatchConflictError("exceeded max depth") from None
    if is_too_deep(patched.value):
        raise PatchConflictError("exceeded max depth")
    return patched.value


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


class _Document:
    """A document to which operations are applied in place."""

    def __init__(self, value: Any) -> None:
        self.value = copy_value(value)
        self._copied_bytes = 0

    def perform(self, operation: dict[str, Any]) -> None:
        """Perform one operation; PatchConflictError, in json-patch's words, if it does not fit."""
        kind = operation.get("op")
        perform = _KINDS.get(kind) if isinstance(kind, str) else None
        if perform is None:
            raise PatchConflictError(f"Unexpected kind: {'unknown' if kind is None else kind}")
        perform(self, operation)

    def _add(self, operation: dict[str, Any]) -> None:
        path = _member(operation, "path", f"add operation failed to decode path: {_MISSING}")
        container, key = self._find(path, f'add operation does not apply: doc is missing path: "{path}": {_MISSING}')
        with _explained(f"error in add for path: '{path}'"):
            _insert(container, key, copy_value(operation.get("value")))

    def _remove(self, operation: dict[str, Any]) -> None:
        path = _member(operation, "path", f"remove operation failed to decode path: {_MISSING}")
        container, key = self._find(path, f'remove operation does not apply: doc is missing path: "{path}": {_MISSING}')
        with _explained(f"error in remove for path: '{path}'"):
            _take(container, key)

    def _replace(self, operation: dict[str, Any]) -> None:
        """Put a value in place of another; a member that an object does not have is added."""
        path = _member(operation, "path", f"replace operation failed to decode path: {_NO_PATH}")
        value = copy_value(operation.get("value"))
        if not path:
            if not isinstance(value, dict | list):
                raise PatchConflictError("replace operation value must be object or array: %!w(<nil>)")
            self.value = value
            return
        container, key = self._find(path, f"replace operation does not apply: doc is missing path: {path}: {_MISSING}")
        if isinstance(container, dict):
            container[key] = value
            return
        try:
            container[_index(key, len(container))] = value
        except PatchConflictError:
            why = f"replace operation does not apply: doc is missing key: {path}: {_MISSING}"
            raise PatchConflictError(why) from None

    def _source(self, operation: dict[str, Any], what: str) -> tuple[str, dict[str, Any] | list[Any], str]:
        """Return the path that an operation takes its value from, and the place that this is."""
        source = _member(operation, "from", f"{what} operation failed to decode from: {_NO_FROM}")
        why = f"{what} operation does not apply: doc is missing from path: {source}: {_MISSING}"
        return source, *self._find(source, why)

    def _destination(self, path: str, what: str) -> tuple[dict[str, Any] | list[Any], str]:
        return self._find(path, f"{what} operation does not apply: doc is missing destination path: {path}: {_MISSING}")

    def _move(self, operation: dict[str, Any]) -> None:
        _, container, key = self._source(operation, "move")
        with _explained(f"error in move for path: '{key}'"):
            value = _take(container, key)
        path = _member(operation, "path", f"move operation failed to decode path: {_NO_PATH}")
        container, key = self._destination(path, "move")
        with _explained(f"error in move for path: '{path}'"):
            _insert(container, key, value)

    def _copy_over(self, operation: dict[str, Any]) -> None:
        """Copy a value; one that an object does not have is null."""
        source, container, key = self._source(operation, "copy")
        with _explained(f"error in copy for from: '{source}'"):
            value = _get(container, key)
        path = _member(operation, "path", f"copy operation failed to decode path: {_MISSING}")
        container, key = self._destination(path, "copy")
        value = self._counted_copy(value)
        with _explained("error while adding value during copy"):
            _insert(container, key, value)

    def _test(self, operation: dict[str, Any]) -> None:
        """Compare a value with what is there; a member that an object does not have is null."""
        path = _member(operation, "path", f"test operation failed to decode path: {_NO_PATH}")
        value = self.value
        if path:
            container, key = self._find(path, f"test operation does not apply: is missing path: {path}: {_MISSING}")
            with _explained(f"error in test for path: '{path}'"):
                value = _get(container, key)
        if not is_same(value, operation.get("value")):
            raise PatchConflictError(f"testing value {path} failed: test failed")

    def _find(self, path: str, why: str) -> tuple[dict[str, Any] | list[Any], str]:
        """Return the container and the key of a path, whose first part, before the first slash, is not looked at."""
        _, *parts = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/"))
        container = self.value
        try:
            for part in parts[:-1]:
                container = _get(container, part)
                if not isinstance(container, dict | list):
                    raise PatchConflictError(why)
        except PatchConflictError:
            raise PatchConflictError(why) from None
        if not parts:
            raise PatchConflictError(why)
        return container, parts[-1]

    def _counted_copy(self, value: Any) -> Any:
        text = json.dumps(value)
        self._copied_bytes += len(text)
        if self._copied_bytes > COPY_LIMIT:
            size = f"the accumulated size increase of copy is {self._copied_bytes}"
            raise PatchConflictError(f"Unable to complete the copy, {size}, exceeding the limit {COPY_LIMIT}")
        return json.loads(text)


_KINDS: dict[str, Callable[[_Document, dict[str, Any]], None]] = {
    "add": _Document._add,
    "remove": _Document._remove,
    "replace": _Document._replace,
    "move": _Document._move,
    "copy": _Document._copy_over,
    "test": _Document._test,
}


def _member(operation: dict[str, Any], name: str, why: str) -> str:
    value = operation.get(name)
    if value is None:
        raise PatchConflictError(why)
    return str(value)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Put what was tried before the reason why it failed."""
    try:
        yield
    except PatchConflictError as error:
        raise PatchConflictError(f"{what}: {error}") from None


def _get(container: dict[str, Any] | list[Any], key: str) -> Any:
    return container.get(key) if isinstance(container, dict) else container[_index(key, len(container))]


def _take(container: dict[str, Any] | list[Any], key: str) -> Any:
    """Remove a value from its container, and return it."""
    if isinstance(container, list):
        return container.pop(_index(key, len(container)))
    if key not in container:
        raise PatchConflictError(f"Unable to remove nonexistent key: {key}: {_MISSING}")
    return container.pop(key)


def _insert(container: dict[str, Any] | list[Any], key: str, value: Any) -> None:
    """Set a member of an object, or put a value into a list."""
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        with contextlib.nullcontext() if _INDEX.fullmatch(key) else _explained(_NO_INDEX.format(key)):
            container.insert(_index(key, len(container) + 1), value)


def _index(text: str, length: int) -> int:
    """Return the index into a list of ``length`` items that a part of a path is; a negative one counts from the end."""
    if not _INDEX.fullmatch(text):
        raise PatchConflictError(f"strconv.Atoi: parsing {go_value(text)}: invalid syntax")
    index = int(text)
    if not -length <= index < length:
        raise PatchConflictError(f"Unable to access invalid index: {index}: invalid index referenced")
    return index if index >= 0 else index + length

"""JSON patches: RFC 6902's own examples, and what may not happen."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.patch.jsonpatch import COPY_LIMIT, MalformedPatchError, PatchConflictError, apply


def op(kind: str, path: str, value: Any = ..., **fields: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **({} if value is ... else {"value": value}), **fields}


@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [
        pytest.param({"foo": "bar"}, [op("add", "/baz", "qux")], {"foo": "bar", "baz": "qux"}, id="add-member"),
        pytest.param({"foo": ["a", "b"]}, [op("add", "/foo/1", "c")], {"foo": ["a", "c", "b"]}, id="add-element"),
        pytest.param({"foo": ["a"]}, [op("add", "/foo/-", "b")], {"foo": ["a", "b"]}, id="append"),
        pytest.param({"foo": ["a"]}, [op("add", "/foo/1", "b")], {"foo": ["a", "b"]}, id="add-at-end"),
        pytest.param({"a": 1}, [op("add", "/a", 2)], {"a": 2}, id="add-replaces"),
        pytest.param({"a": 1, "b": 2}, [op("remove", "/a")], {"b": 2}, id="remove-member"),
        pytest.param({"a": [1, 2, 3]}, [op("remove", "/a/1")], {"a": [1, 3]}, id="remove-element"),
        pytest.param({"a": [1, 2]}, [op("replace", "/a/1", 5)], {"a": [1, 5]}, id="replace-element"),
        pytest.param({"a": [1, 2, 3]}, [op("remove", "/a/-1")], {"a": [1, 2]}, id="remove-last"),
        pytest.param({"a": [1, 2]}, [op("replace", "/a/-2", 5)], {"a": [5, 2]}, id="replace-counted-from-the-end"),
        pytest.param({"a": [1, 2]}, [op("add", "/a/-1", 3)], {"a": [1, 2, 3]}, id="add-as-the-last"),
        pytest.param({"a": [1, 2]}, [op("replace", "/a/01", 5)], {"a": [1, 5]}, id="leading-zero"),
        pytest.param({"a": 1}, [op("replace", "", {"b": 2})], {"b": 2}, id="replace-all"),
        pytest.param({"a": None}, [op("replace", "/a", None)], {"a": None}, id="replace-with-null"),
        pytest.param(
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {}},
            [op("move", "/qux/thud", **{"from": "/foo/waldo"})],
            {"foo": {"bar": "baz"}, "qux": {"thud": "fred"}},
            id="move",
        ),
        pytest.param({"a": {"b": 1}}, [op("move", "/a", **{"from": "/a"})], {"a": {"b": 1}}, id="move-onto-itself"),
        pytest.param(
            {"a": [1]}, [op("copy", "/b", **{"from": "/a"}), op("add", "/b/-", 2)], {"a": [1], "b": [1, 2]}, id="copy"
        ),
        pytest.param(
            {"a/b": 1, "m~n": 2}, [op("remove", "/a~1b"), op("replace", "/m~0n", 3)], {"m~n": 3}, id="escapes"
        ),
        pytest.param({"a": [1, {"b": 2.0}]}, [op("test", "/a", [1, {"b": 2}])], {"a": [1, {"b": 2.0}]}, id="test"),
        pytest.param({}, [op("test", "/a", None)], {}, id="absent-is-null"),
        pytest.param({"a": {}}, [op("replace", "/a/b", 1)], {"a": {"b": 1}}, id="replace-missing"),
        pytest.param({}, [op("copy", "/a", **{"from": "/b"})], {"a": None}, id="copy-missing"),
        pytest.param({}, [op("add", "/a")], {"a": None}, id="add-nothing"),
        pytest.param({"b": 2}, [op("add", "a/b", 1)], {"b": 1}, id="what-is-before-the-first-slash"),
        pytest.param({"a": 1}, [], {"a": 1}, id="nothing"),
        pytest.param({"a": {"": 1}}, [op("remove", "/a/")], {"a": {}}, id="empty-key"),
    ],
)
def test_operations_change_the_document(document: Any, operations: list[Any], expected: Any) -> None:
    before = copy.deepcopy(document)
    assert apply(document, operations) == expected
    assert document == before


@pytest.mark.parametrize(
    ("document", "operation"),
    [
        pytest.param({}, op("remove", "/a"), id="remove-missing"),
        pytest.param({}, op("remove", ""), id="remove-all"),
        pytest.param({}, op("add", "/a/b", 1), id="add-to-missing"),
        pytest.param({"a": 1}, op("add", "/a/b", 1), id="add-to-scalar"),
        pytest.param({"a": []}, op("add", "/a/1", 1), id="add-beyond-end"),
        pytest.param({"a": [1]}, op("remove", "/a/1"), id="remove-beyond-end"),
        pytest.param({"a": [1]}, op("remove", "/a/-"), id="remove-after-last"),
        pytest.param({"a": [1]}, op("replace", "/a/-2", 1), id="before-the-first"),
        pytest.param({"a": [1]}, op("add", "/a/-3", 1), id="add-before-the-first"),
        pytest.param({"a": []}, op("remove", "/a/-1"), id="last-of-none"),
        pytest.param({"a": [1]}, op("replace", "/a/x", 1), id="word-as-index"),
        pytest.param({"a": 1}, op("test", "/a", 2), id="test-other-value"),
        pytest.param({"a": 1}, op("test", "/a", True), id="test-true-is-not-one"),
        pytest.param({"a": 1}, op("test", "/a", 1.0), id="test-as-it-is-written"),
        pytest.param({}, op("add", "", {}), id="add-all"),
        pytest.param({}, op("copy", "/a", **{"from": ""}), id="copy-all"),
        pytest.param({"a": [1]}, op("test", "/a", [1, 2]), id="test-longer-list"),
        pytest.param({"a": {}}, op("move", "/a/b", **{"from": "/a"}), id="move-into-itself"),
        pytest.param({}, op("copy", "/a"), id="copy-from-nowhere"),
        pytest.param({}, {"op": "add", "value": 1}, id="no-path"),
        pytest.param({}, op("spread", "/a", 1), id="unknown"),
    ],
)
def test_an_operation_that_does_not_fit_is_a_conflict(document: Any, operation: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    with pytest.raises(PatchConflictError):
        apply(document, [operation])
    assert document == before


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (
            op("add", "/l/x", 1),
            "error in add for path: '/l/x': value was not a proper array index: 'x': strconv.Atoi:"
            ' parsing "x": invalid syntax',
        ),
        (
            op("add", "/l/9", 1),
            "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (op("remove", "/l/-"), "error in remove for path: '/l/-': strconv.Atoi: parsing \"-\": invalid syntax"),
        (op("remove", "/o/a"), "error in remove for path: '/o/a': Unable to remove nonexistent key: a: missing value"),
        (op("replace", "/l/9", 1), "replace operation does not apply: doc is missing key: /l/9: missing value"),
        (op("replace", "/x/y", 1), "replace operation does not apply: doc is missing path: /x/y: missing value"),
        (op("replace", "", 1), "replace operation value must be object or array: %!w(<nil>)"),
        (
            op("move", "/o/a", **{"from": "/x"}),
            "error in move for path: 'x': Unable to remove nonexistent key: x: missing value",
        ),
        (
            op("move", "/o/b/c", **{"from": "/o/b"}),
            "error in move for path: 'b': Unable to remove nonexistent key: b: missing value",
        ),
        (
            op("copy", "/x/y", **{"from": "/o"}),
            "copy operation does not apply: doc is missing destination path: /x/y: missing value",
        ),
        (
            op("test", "/l/9", 1),
            "error in test for path: '/l/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (op("test", "/x/y", 1), "test operation does not apply: is missing path: /x/y: missing value"),
        ({"op": "add"}, "add operation failed to decode path: missing value"),
        (
            {"op": "copy", "path": "/a"},
            "copy operation failed to decode from: operation, missing from field: missing value",
        ),
        ({}, "Unexpected kind: unknown"),
    ],
)
def test_a_conflict_is_told_as_kubernetes_tells_it(operation: dict[str, Any], why: str) -> None:
    with pytest.raises(PatchConflictError) as caught:
        apply({"l": [1], "o": {}}, [operation])
    assert str(caught.value) == why


@pytest.mark.parametrize("patch", [{}, None, "x", [1], [[]], [{"op": "add", "path": 1}], [{"from": {}}]])
def test_what_is_no_list_of_operations_is_malformed(patch: Any) -> None:
    with pytest.raises(MalformedPatchError):
        apply({}, patch)


def test_copies_of_copies_come_to_an_end() -> None:
    document = {"a": ["x" * (COPY_LIMIT // 64)]}
    double = op("copy", "/a/-", **{"from": "/a"})
    with pytest.raises(PatchConflictError, match="exceeding the limit"):
        apply(document, [double] * 30)


def test_copies_into_copies_come_to_an_end() -> None:
    def nested(depth: int) -> Any:
        value: Any = {}
        for _ in range(depth):
            value = {"a": value}
        return value

    assert apply(nested(150), [])
    deepen = [op("copy", "/d" + "/a" * 150 * step + "/a", **{"from": "/d"}) for step in range(1, 8)]
    for count in (1, len(deepen)):
        with pytest.raises(PatchConflictError, match="max depth"):
            apply({"d": nested(150)}, deepen[:count])

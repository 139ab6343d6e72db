"""JSON among manifests is read as JSON, which only the clock can tell; places are read when they are asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubemanifest import reading
from kubemanifest.faults import locate
from kubemanifest.reading import read_text
from kubemanifest.yamltext.building import MAX_DEPTH
from kubemanifest.yamltext.parsing import read_chunk

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def as_yaml(text: str) -> tuple[list[Any], list[str]]:
    trees, faults, warnings = read_chunk(text, "t.yaml", 0)
    return [tree.value for tree in trees], [str(fault) for fault in (*faults, *warnings)]


def as_either(text: str) -> tuple[list[Any], list[str]]:
    trees, faults, warnings = read_text(text, "t.yaml")
    return [tree.value for tree in trees], [str(fault) for fault in (*faults, *warnings)]


@given(st.dictionaries(st.text(), VALUES, max_size=4))
@settings(max_examples=200)
def test_json_means_what_it_means_as_yaml(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    assert as_either(text) == as_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": 1, "a": 2}', id="a key twice"),
        pytest.param('{"a": NaN}', id="no number"),
        pytest.param('{"a": 1e999}', id="too large a number"),
        pytest.param('{"a": 1}, {"b": 2}', id="more after it"),
        pytest.param('{"a": 1,}', id="a comma too much"),
        pytest.param("{a: yes, 'b': 010}", id="YAML in braces"),
        pytest.param('{"a": "\\ud83d\\ude00"}', id="a character in halves"),
        pytest.param('{"a": "\\ud83d"}', id="half a character"),
        pytest.param('{"a": "\x07"}', id="a control character"),
        pytest.param('{"a": 1}\n...\n{"b": 2}\n', id="two in one chunk"),
        pytest.param('{"a": ' + "9" * 5000 + "}", id="a number without end"),
        pytest.param('{"a": 1.0, "b": 1e3, "c": 1.5, "d": -0, "e": 123456789012345678901}', id="numbers"),
    ],
)
def test_what_is_no_plain_json_is_read_as_yaml(text: str) -> None:
    assert as_either(text) == as_yaml(text)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_json_may_be_as_deep_as_yaml(depth: int) -> None:
    text = '{"a":' * depth + "1" + "}" * depth
    assert as_either(text) == as_yaml(text)


def test_brackets_in_a_text_do_not_hide_how_deep_json_is() -> None:
    text = '{"brackets": "' + "}" * 200 + '", "deep": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}"
    assert as_either(text) == as_yaml(text)


def test_a_field_of_json_is_found_in_the_text() -> None:
    trees, _, _ = read_text('# first\n---\n{"spec": {\n  "type": "NodePort"}}\n', "t.yaml")
    assert locate(trees[0].spot.place, "spec.type") == (4, 3)


def test_json_that_is_no_yaml_is_placed_where_it_begins() -> None:
    trees, faults, _ = read_text('a: 1\n---\n{"a": "\x7f", "b": 2}\n', "t.yaml")
    assert (trees[1].value, faults) == ({"a": "\x7f", "b": 2}, [])
    assert locate(trees[1].spot.place, "b") == (3, 1)


def test_a_text_is_read_again_once_at_most_and_only_when_a_place_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def counted(text: str, source: str, first_line: int) -> Any:
        reads.append(text)
        return read_chunk(text, source, first_line)

    monkeypatch.setattr(reading, "read_chunk", counted)
    trees, _, _ = read_text('{"items": [1, 2]}\n---\n{"a": 2}\n', "t.yaml")
    assert reads == []
    assert [trees[0].spot.item(index).place.position for index in (0, 1)] == [(1, 12), (1, 15)]
    assert len(reads) == 1

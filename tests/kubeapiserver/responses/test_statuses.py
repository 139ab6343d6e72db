"""The bytes of answers: those of Go's encoding/json, which a program that reads a watch by lines depends on."""

from __future__ import annotations

import pytest

from kubeapiserver.responses.statuses import encode, indented_response

# What encoding/json of Go 1.26 writes for {"a": text}.
WRITTEN_BY_GO = [
    ("<a> & b", r'{"a":"\u003ca\u003e \u0026 b"}'),
    ("é 日 \x85", '{"a":"é 日 \x85"}'),
    ("\u2028\u2029", r'{"a":"\u2028\u2029"}'),
    ("\b\f\x1c\t\x7f", '{"a":"\\b\\f\\u001c\\t\x7f"}'),
    ('"\\/', r'{"a":"\"\\/"}'),
]


@pytest.mark.parametrize(("text", "written"), WRITTEN_BY_GO)
def test_an_answer_has_the_bytes_that_go_writes(text: str, written: str) -> None:
    assert encode({"a": text}) == written.encode()


def test_an_indented_answer_escapes_the_same_letters() -> None:
    answer = indented_response({"a": "<é\x85", "b": [], "c": {}})
    assert answer.body == '{\n  "a": "\\u003cé\x85",\n  "b": [],\n  "c": {}\n}'.encode()


def test_a_name_of_a_file_that_is_no_text_is_sent_all_the_same() -> None:
    assert encode({"a": "x\udcff"}) == b'{"a":"x?"}'

"""Text of others stands on a terminal and in a log, and does nothing there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesvc.escaping import escaped, escaped_entry, escaped_lines, escaped_values

ROWS = [
    ("web", "web"),
    ("Zürich 東京 🚀", "Zürich 東京 🚀"),
    ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    ("a\nWarning: b", "a\\nWarning: b"),
    ("a\r\tb", "a\\r\\tb"),
    ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
    ("\x9b31m\x85", "\\x9b31m\\x85"),
    ("a\u2028b", "a\\u2028b"),
    ("file\udcff", "file\\udcff"),
    ("back\\slash", "back\\slash"),
]


@pytest.mark.parametrize(("text", "shown"), ROWS, ids=[shown for _, shown in ROWS])
def test_what_acts_is_shown(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_is_escaped_acts_or_cannot_be_written(text: str) -> None:
    shown = escaped(text)
    assert shown.encode().decode() == shown
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown)
    assert escaped(shown) == shown


def test_lines_stay_lines_where_they_are_meant() -> None:
    assert escaped_lines("a\n\x1bb\r\n") == "a\n\\x1bb\\r\n"


def test_a_hint_stays_below_its_line_and_no_other_line_begins() -> None:
    assert escaped_entry("a\nWarning: b\n    did you mean c?") == "a\\nWarning: b\n    did you mean c?"


def test_every_text_of_a_document_is_escaped() -> None:
    document = {"a\n": ["\x1b", 1, None, {"b": "c\x07"}]}
    assert escaped_values(document) == {"a\\n": ["\\x1b", 1, None, {"b": "c\\x07"}]}

"""What an expected answer allows, and what a table must look like."""

from __future__ import annotations

import re

import pytest
from tests.helpers.kubectl.cli import pattern, preferred, read_table


@pytest.mark.parametrize(
    ("expected", "got", "is_like"),
    [
        pytest.param("a\n", "a\n", True, id="the same"),
        pytest.param("a\n", "b\n", False, id="something else"),
        pytest.param("a\n", "a\nb\n", False, id="a line more"),
        pytest.param("", "a\n", False, id="anything where nothing is expected"),
        pytest.param("NAME   AGE\n", "NAME           AGE\n", True, id="columns of another width"),
        pytest.param("NAME   AGE\n", "NAME AGE\n", False, id="one blank is no gap"),
        pytest.param("a b\n", "a  b\n", False, id="a gap is not one blank"),
        pytest.param("a\n", "a   \n", True, id="blanks at the end"),
        pytest.param("<age>\n", "2m10s\n", True, id="an age"),
        pytest.param("<age>\n", "soon\n", False, id="no age"),
        pytest.param("<ip>:<number>\n", "127.1.2.3:80\n", True, id="an address"),
        pytest.param("<none>\n", "<none>\n", True, id="what is in brackets and no name stands for itself"),
        pytest.param("a...z\n", "a to z\n", True, id="anything within a line"),
        pytest.param("a...z\n", "a\nz\n", False, id="but not across lines"),
        pytest.param("...\nlast\n", "first\nsecond\nlast\n", True, id="any lines"),
        pytest.param("...\nlast\n", "last\n", True, id="no lines"),
        pytest.param("$.*\n", "$.*\n", True, id="signs of expressions are themselves"),
        pytest.param("a\n[1]\n", "a\n[1]\n", True, id="an exit status"),
        pytest.param("a\n", "a\n[1]\n", False, id="an exit status that was not expected"),
    ],
)
def test_an_answer_is_as_expected_or_it_is_not(expected: str, got: str, is_like: bool) -> None:
    assert bool(re.fullmatch(pattern(expected), got)) == is_like


def test_a_table_is_read_by_its_columns() -> None:
    text = "NAME    NOMINATED NODE   AGE\nweb     <none>           5s\nlonger  <none>           5s\n"
    with pytest.raises(AssertionError):
        read_table(text)
    text = text.replace("NAME ", "NAME  ").replace("web ", "web  ").replace("longer ", "longer  ")
    assert read_table(text) == [
        {"NAME": "web", "NOMINATED NODE": "<none>", "AGE": "5s"},
        {"NAME": "longer", "NOMINATED NODE": "<none>", "AGE": "5s"},
    ]


def test_the_version_for_everything_is_1_32_or_else_the_newest() -> None:
    assert preferred([(1, 9), (1, 32), (1, 33)]) == (1, 32)
    assert preferred([(1, 9), (1, 20)]) == (1, 20)

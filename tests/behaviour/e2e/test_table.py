"""README.md here says which test stands for which of Kubernetes' own: what it says is so."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parent
NUMBERS = {"S": 49, "N": 27, "E": 6, "M": 2, "K": 6, "T": 6, "D": 23, "P": 5, "X": 11}
"""How many tests of each upstream file there are: 135."""
VERDICTS = ("yes", "partly", "no")


class Row(NamedTuple):
    """One line of the table; ``said`` is the text beside the tests."""

    number: str
    upstream: str
    verdict: str
    tests: tuple[str, ...]
    said: str


def read_rows(text: str) -> list[Row]:
    """Return the lines of all tables, in order."""
    rows = []
    for line in text.splitlines():
        if match := re.fullmatch(r"\| ([A-Z]\d+) \| (.+) \| (\w+) \| (.*) \|", line):
            number, upstream, verdict, cell = match.groups()
            tests = tuple(re.findall(r"`(test_\w+)`", cell))
            rows.append(Row(number, upstream, verdict, tests, re.sub(r"`test_\w+`[,;]? ?", "", cell).strip()))
    return rows


def functions_of(files: list[Path]) -> list[str]:
    """Return the names of the test functions of some modules."""
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [each.name for each in functions if each.name.startswith("test_")]


def numbers_in(name: str) -> list[str]:
    """Return the rows that a test's name begins with: test_s16_s17_... has S16 and S17."""
    match = re.match(r"test((?:_[a-z]\d\d(?=_))+)", name)
    return [f"{each[0].upper()}{int(each[1:])}" for each in match[1][1:].split("_")] if match else []


README = (FOLDER / "README.md").read_text()
ROWS = read_rows(README)
HERE = functions_of(sorted(FOLDER.glob("test_*_rows.py")))
ALL = [*HERE, *functions_of([FOLDER.parent / "test_dual_stack.py"])]


def test_every_upstream_test_has_one_row_in_order() -> None:
    assert [row.number for row in ROWS] == [
        f"{letter}{number}" for letter, last in NUMBERS.items() for number in range(1, last + 1)
    ]


@pytest.mark.parametrize("row", ROWS, ids=[row.number for row in ROWS])
def test_a_row_says_what_is_so(row: Row) -> None:
    assert row.verdict in VERDICTS
    assert set(row.tests) <= set(ALL)
    assert bool(row.tests) == (row.verdict != "no"), "a test, or no"
    assert row.said or row.verdict == "yes", "the gap, or why not"


def test_no_two_tests_have_one_name() -> None:
    assert [name for name, count in Counter(ALL).items() if count > 1] == []


def test_a_test_with_numbers_in_its_name_is_in_those_rows() -> None:
    listed = {(row.number, test) for row in ROWS for test in row.tests}
    assert {(number, name) for name in ALL for number in numbers_in(name)} <= listed


def test_the_closing_line_counts_the_rows() -> None:
    counts = Counter(row.verdict for row in ROWS)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    assert README.splitlines()[-1] == f"{len(ROWS)} rows: {said}."

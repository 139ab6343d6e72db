"""Completion indexes as text, and what is wrong with a text."""

from __future__ import annotations

import pytest

from kubeapi.jobspec.indexes import count_indexes, indexes_of, overlap_fault, read_indexes


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), ([1, 0], "0,1"), ([0, 1, 2, 5], "0-2,5"), ([9, 7, 8, 1, 2, 2], "1,2,7-9")],
)
def test_a_set_is_written_as_intervals_and_read_back(numbers: list[int], text: str) -> None:
    found = indexes_of(numbers)
    assert (str(found), found.total) == (text, len(set(numbers)))
    assert read_indexes(text, 10) == found
    assert [each for each in range(10) if each in found] == sorted(set(numbers))
    assert list(found.missing(10)) == sorted(set(range(10)) - set(numbers))


@pytest.mark.parametrize(
    ("text", "kept"),
    [("0-5", "0-2"), ("1,7", "1"), ("x,1", "1"), ("1-x,2", "2"), ("5-7", ""), ("0,1,2", "0-2")],
)
def test_a_job_reads_of_a_text_what_it_can_use(text: str, kept: str) -> None:
    assert str(read_indexes(text, 3)) == kept


def test_two_sets_are_merged_and_compared() -> None:
    first, second = indexes_of([0, 1, 5]), indexes_of([1, 2, 6])
    assert str(first.merged(second)) == "0-2,5,6"
    assert first.common(second) == 1


@pytest.mark.parametrize(
    ("text", "total", "fault"),
    [
        ("", 0, ""),
        ("0-2,4", 4, ""),
        ("1-2-3", 0, "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts"
         " separated by '-'"),
        ("a", 0, 'cannot convert string to integer for index: "a"'),
        ("1-", 0, 'cannot convert string to integer for index: ""'),
        ("5", 0, 'too large index: "5"'),
        ("1-7", 0, 'too large index: "7"'),
        ("3-1", 0, "non-increasing order, previous: 3, current: 1"),
        ("2,1", 0, "non-increasing order, previous: 2, current: 1"),
    ],
)  # fmt: skip
def test_the_indexes_of_a_text_are_counted_or_its_fault_is_told(text: str, total: int, fault: str) -> None:
    assert count_indexes(text, 5) == (total, fault)


def test_an_index_is_not_both_completed_and_failed() -> None:
    assert overlap_fault("0-2", "3", 5) == ""
    assert overlap_fault("0-2,4", "x,1-3", 5) == "failedIndexes and completedIndexes overlap at index: 1"

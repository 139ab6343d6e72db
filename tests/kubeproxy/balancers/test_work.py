"""Work in slices: a small table is there at once, a large one lets others have their turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubeproxy.balancers.work import SLICE_SECONDS, work_on


@pytest.mark.parametrize(("count", "done", "has_more"), [(0, 0, False), (3, 3, False), (9, 4, True)])
def test_steps_are_done_while_the_slice_lasts(count: int, done: int, has_more: bool) -> None:
    assert do(count, SLICE_SECONDS / 4) == (has_more, done)


@pytest.mark.parametrize(("count", "done", "has_more"), [(2, 2, False), (9, 3, True)])
def test_a_few_steps_are_done_however_slow_the_machine_is(count: int, done: int, has_more: bool) -> None:
    assert do(count, SLICE_SECONDS * 10) == (has_more, done)


def test_a_slice_that_has_begun_with_something_else_is_shorter() -> None:
    taken = []

    def steps() -> Iterator[None]:
        for number in range(9):
            taken.append(number)
            yield

    assert work_on(steps(), lambda: 100.0, 100.0 - SLICE_SECONDS)
    assert len(taken) == 3


def do(count: int, seconds: float) -> tuple[bool, int]:
    """Return whether some of so many steps are left after a slice, and how many are done."""
    now, taken = 100.0, []

    def steps() -> Iterator[None]:
        nonlocal now
        for number in range(count):
            taken.append(number)
            now += seconds
            yield

    return work_on(steps(), lambda: now), len(taken)

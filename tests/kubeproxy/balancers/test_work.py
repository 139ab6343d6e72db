"""Work in slices: a small table is there at once, a large one lets others have their turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubeproxy.balancers.work import SLICE_SECONDS, work_on


@pytest.mark.parametrize(("count", "done", "has_more"), [(0, 0, False), (3, 3, False), (9, 4, True)])
def test_steps_are_done_while_the_slice_lasts(count: int, done: int, has_more: bool) -> None:
    now, taken = 100.0, []

    def steps() -> Iterator[None]:
        nonlocal now
        for number in range(count):
            taken.append(number)
            now += SLICE_SECONDS / 4
            yield

    assert (work_on(steps(), lambda: now), len(taken)) == (has_more, done)

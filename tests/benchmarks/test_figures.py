from __future__ import annotations

import pytest
from benchmarks.figures import percentile


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 99.0, 0),
        ([7], 50.0, 7),
        ([7], 99.9, 7),
        ([1, 2], 50.0, 1),
        ([1, 2, 3], 50.0, 2),
        (list(range(1, 101)), 99.0, 99),
        (list(range(1, 1001)), 99.9, 999),
        (list(range(1, 101)), 99.9, 100),
        ([1, 2, 3], 0.0, 1),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[int], percent: float, expected: int) -> None:
    assert percentile(values, percent) == expected

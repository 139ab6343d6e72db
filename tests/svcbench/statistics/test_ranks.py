"""Percentiles by the nearest rank."""

from __future__ import annotations

import pytest

from svcbench.statistics.ranks import nearest_rank


@pytest.mark.parametrize(
    ("count", "percent", "found"),
    [(0, 50, 0), (1, 99, 1), (4, 50, 2), (4, 51, 3), (1000, 99.9, 999), (1000, 100, 1000), (10, 0, 1)],
)
def test_a_percentile_is_the_value_at_the_nearest_rank(count: int, percent: float, found: int) -> None:
    assert nearest_rank(range(1, count + 1), percent) == found

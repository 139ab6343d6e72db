"""How even a spread over pods is, over a run and within its windows."""

from __future__ import annotations

import pytest

from svcbench.statistics.fairness import (
    jain,
    jain_of_chance,
    max_over_mean,
    spread,
    transposed,
    variation,
    variation_in_windows,
)


@pytest.mark.parametrize(
    ("shares", "index", "most", "varies"),
    [
        ([5, 5, 5, 5], 1.0, 1.0, 0.0),
        ([20, 0, 0, 0], 0.25, 4.0, 3**0.5),
        ([3, 1], 0.8, 1.5, 0.5),
        ([0, 0], 1.0, 1.0, 0.0),
    ],
)
def test_evenness_has_its_numbers(shares: list[float], index: float, most: float, varies: float) -> None:
    assert jain(shares) == pytest.approx(index)
    assert max_over_mean(shares) == pytest.approx(most)
    assert variation(shares) == pytest.approx(varies)


def test_chance_is_less_even_the_fewer_the_requests() -> None:
    assert jain_of_chance(11, 100) == pytest.approx(1 / 1.1)
    assert jain_of_chance(11, 0) == 1


def test_what_is_even_over_a_run_may_be_uneven_in_every_window() -> None:
    windows = [[10, 0, 10], [0, 10, 0, 10]]
    assert transposed(windows) == [[10, 0], [0, 10], [10, 0], [0, 10]]
    found = spread([20, 20], windows, [1, 1])
    assert found is not None
    assert (found.jain, found.variation) == (1.0, 1.0)


def test_windows_without_requests_do_not_count() -> None:
    assert variation_in_windows([[0, 0], [2, 2]]) == 0
    assert variation_in_windows([[0, 0]]) is None


def test_counts_are_seen_in_proportion_to_the_weights() -> None:
    found = spread([100, 300, 0], [[50, 50], [150, 150], []], [1, 3, 0])
    assert found is not None
    assert (found.jain, found.max_over_mean, found.variation, found.fit.p) == (1.0, 1.0, 0.0, 1.0)


@pytest.mark.parametrize("weights", [[], [0, 0]])
def test_no_pods_with_a_weight_have_no_spread(weights: list[float]) -> None:
    assert spread([0] * len(weights), [[]] * len(weights), weights) is None

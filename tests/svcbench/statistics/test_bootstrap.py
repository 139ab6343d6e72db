"""Comparisons of blocks: intervals hold the truth as often as they say; percentiles are of all latencies together."""

from __future__ import annotations

from random import Random

import pytest

from svcbench.statistics.advice import best_seconds, blocks_to_tell
from svcbench.statistics.bootstrap import (
    Estimate,
    Percentiles,
    difference,
    draws,
    estimate,
    quantile,
    ratio,
    share,
    shared_level,
)


def test_the_percentile_of_blocks_is_that_of_all_latencies_and_no_average() -> None:
    quick, slow = dict.fromkeys(range(1, 100), 1), {1000: 1}
    p99 = Percentiles([quick, slow]).at(99)
    assert p99((1, 1)) == 99
    assert p99((0, 1)) == 1000
    assert p99((2, 0)) == 99
    assert Percentiles([quick, slow]).at(100)((1, 1)) == 1000
    assert Percentiles([quick, slow]).at(0)((1, 1)) == 1


def test_blocks_without_requests_have_no_percentile() -> None:
    assert Percentiles([{}, {}]).at(50)((1, 1)) is None
    assert Percentiles([{}, {5: 1}]).at(50)((1, 0)) is None
    assert estimate(Percentiles([]).at(50), draws(0, 1)) is None


def test_what_a_block_does_to_both_cancels_out() -> None:
    luck = [Random(3).lognormvariate(0, 1) for _ in range(8)]
    mine = share([0.5 * each for each in luck], [1] * 8)
    found = estimate(ratio(mine, share(luck, [1] * 8)), draws(8, 1))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.leaves_out(1)


def test_an_interval_of_95_percent_holds_the_truth_about_so_often() -> None:
    resamples, held, trials = draws(10, 1, 500), 0, 200
    rng = Random(8)
    for _ in range(trials):
        blocks = [rng.lognormvariate(0, 0.3) for _ in range(10)]
        mine, other = ([each * rng.lognormvariate(0, 0.1) for each in blocks] for _ in range(2))
        found = estimate(ratio(share(mine, [1] * 10), share(other, [1] * 10)), resamples)
        assert found is not None
        held += not found.leaves_out(1)
    # 95 % of 200 are 190; three standard deviations to either side. The plain percentile interval has 88 %.
    assert 181 <= held <= 199


def test_the_same_seed_draws_the_same_blocks() -> None:
    assert draws(6, 7, 50) == draws(6, 7, 50)
    assert draws(6, 7, 50) != draws(6, 8, 50)
    assert all(sum(draw) == 6 for draw in draws(6, 7, 50))


def test_few_blocks_have_a_value_and_no_interval() -> None:
    assert estimate(share([1, 2], [1, 1]), draws(2, 1)) == Estimate(1.5, None, None, 2, 0.95)
    assert not Estimate(1.5, None, None, 2, 0.95).leaves_out(1)


def test_a_figure_that_many_resamples_lack_has_no_interval() -> None:
    rare = share([9, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0])
    assert estimate(rare, draws(6, 1)) == Estimate(3.0, None, None, 6, 0.95)


def test_a_ratio_over_nothing_is_no_figure() -> None:
    none, some = share([0, 0], [1, 1]), share([1, 1], [1, 1])
    assert ratio(some, none)((1, 1)) is None
    assert ratio(none, some)((1, 1)) == 0
    assert difference(some, none)((1, 1)) == 1
    assert difference(share([0, 0], [0, 0]), some)((1, 1)) is None


def test_a_quantile_lies_between_two_values_linearly() -> None:
    assert quantile([1, 2, 4], 0.75) == 3
    assert quantile([1, 2, 4], 1) == 4


def test_many_comparisons_are_right_together() -> None:
    assert shared_level(1) == 0.95
    assert shared_level(5) == pytest.approx(0.99)


def test_the_interval_is_as_narrow_as_wanted_after_so_many_blocks() -> None:
    wide = Estimate(1.0, 1 / 1.21, 1.21, 10, 0.95)
    assert blocks_to_tell(wide, 0.10) == 40
    assert blocks_to_tell(Estimate(1.0, 0.999, 1.001, 10, 0.95)) == 5
    assert blocks_to_tell(Estimate(1.0, 0.01, 99.0, 10, 0.95)) is None
    assert blocks_to_tell(Estimate(1.0, None, None, 2, 0.95)) is None


def test_a_block_is_longer_where_seconds_vary_and_blocks_cost() -> None:
    noisy, calm = (
        [[base + sign * width for sign in (1, -1) * 5] for base in (100, 104, 96, 103, 97)] for width in (4, 0.1)
    )
    assert (best_seconds(noisy, between=9), best_seconds(calm, between=9)) == (4, 1)
    assert best_seconds([[1.0, 2.0]], between=9) is None
    assert best_seconds([[1.0, 2.0], [1.0, 2.0]], between=9) is None

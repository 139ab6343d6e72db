"""Counts and times are tested against what a rule would give."""

from __future__ import annotations

import pytest

from svcbench.statistics.fits import chi_square


def test_mendels_peas_fit_nine_to_three_to_three_to_one() -> None:
    fit = chi_square([315, 101, 108, 32], [9, 3, 3, 1])
    assert (round(fit.statistic, 3), fit.freedom, round(fit.p, 3)) == (0.470, 3, 0.925)


def test_an_even_rotation_has_a_p_value_of_one() -> None:
    assert chi_square([100, 100, 100]).p == 1


def test_one_pod_with_a_fifth_more_is_no_chance() -> None:
    assert chi_square([1200, 1000, 1000, 1000]).p < 0.001


def test_what_a_drained_pod_gets_refutes_any_fit() -> None:
    assert chi_square([50, 50, 1], [1, 1, 0]).p == 0
    assert chi_square([50, 50, 0], [1, 1, 0]).freedom == 1


def test_few_requests_are_said_to_be_too_few() -> None:
    assert not chi_square([3, 4, 2]).is_valid
    assert chi_square([30, 40, 20]).is_valid


@pytest.mark.parametrize("counts", [[], [0, 0], [7]])
def test_nothing_to_compare_fits(counts: list[int]) -> None:
    assert chi_square(counts).p == 1


def test_weights_are_one_for_each_count_and_not_negative() -> None:
    with pytest.raises(ValueError, match="2 counts have 1 weights"):
        chi_square([1, 2], [1])
    with pytest.raises(ValueError, match="not negative"):
        chi_square([1, 2], [1, -1])

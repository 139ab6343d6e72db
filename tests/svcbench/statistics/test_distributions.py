"""The tails of chi-square, t and Kolmogorov's distribution are those of the published tables."""

from __future__ import annotations

from math import inf

import pytest

from svcbench.statistics.distributions import chi_square_tail, student_quantile, upper_gamma


@pytest.mark.parametrize(
    ("statistic", "freedom", "p"),
    [
        # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4: upper critical values.
        (2.706, 1, 0.10),
        (3.841, 1, 0.05),
        (10.828, 1, 0.001),
        (5.991, 2, 0.05),
        (15.086, 5, 0.01),
        (18.307, 10, 0.05),
        (29.588, 10, 0.001),
        (43.773, 30, 0.05),
        (124.342, 100, 0.05),
        (149.449, 100, 0.001),
        # The lower tail of the same tables.
        (0.00393, 1, 0.95),
        (3.940, 10, 0.95),
        (77.929, 100, 0.95),
    ],
)
def test_chi_square_has_the_tail_of_the_table(statistic: float, freedom: int, p: float) -> None:
    assert chi_square_tail(statistic, freedom) == pytest.approx(p, rel=0.002)


def test_the_incomplete_gamma_function_begins_at_one_and_ends_at_nothing() -> None:
    assert upper_gamma(3, 0) == 1
    assert upper_gamma(3, inf) == 0
    assert upper_gamma(1, 2) == pytest.approx(0.1353352832366127, rel=1e-12)


def test_the_incomplete_gamma_function_refuses_what_it_is_not_defined_for() -> None:
    with pytest.raises(ValueError, match=r"a > 0 and x >= 0"):
        upper_gamma(0, 1)
    with pytest.raises(ValueError, match=r"a > 0 and x >= 0"):
        upper_gamma(1, -1)


@pytest.mark.parametrize(
    ("tail", "freedom", "t"),
    [
        # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
        (0.025, 1, 12.706),
        (0.025, 4, 2.776),
        (0.025, 9, 2.262),
        (0.025, 30, 2.042),
        (0.005, 9, 3.250),
        (0.001, 100, 3.174),
        (0.10, 2, 1.886),
        (0.5, 5, 0.0),
    ],
)
def test_student_has_the_quantile_of_the_table(tail: float, freedom: int, t: float) -> None:
    assert student_quantile(tail, freedom) == pytest.approx(t, abs=0.0006)


def test_a_tail_is_a_probability_below_one_half() -> None:
    with pytest.raises(ValueError, match=r"over 0 and at most 0\.5"):
        student_quantile(0, 3)

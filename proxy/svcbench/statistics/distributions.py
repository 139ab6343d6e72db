"""Tails of the distributions that tests of fit use: chi-square, Student's t. Pure.

The formulas are those of NIST's Digital Library of Mathematical Functions (DLMF), chapter 8; tests compare them with
published tables. They are here so that a report needs no numerical library.
"""

from __future__ import annotations

from math import exp, isfinite, lgamma, log, log1p

_TERMS = 10_000
_PRECISION = 1e-15
_SMALLEST = 1e-300
"""Stands for a zero that would be divided by (Lentz's method)."""


def upper_gamma(a: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(a, x) for a > 0 and x >= 0: 1 at 0, falling to 0."""
    if a <= 0 or x < 0:
        raise ValueError(f"Q(a, x) needs a > 0 and x >= 0, not {a} and {x}")
    if x == 0:
        return 1.0
    if not isfinite(x):
        return 0.0
    factor = exp(a * log(x) - x - lgamma(a))
    return 1 - factor * _gamma_series(a, x) if x < a + 1 else factor * _gamma_fraction(a, x)


def _gamma_series(a: float, x: float) -> float:
    """Sum x^n / (a (a+1) ... (a+n)) (DLMF 8.7.1), which converges fast for small x."""
    term = total = 1 / a
    for number in range(1, _TERMS):
        term *= x / (a + number)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _gamma_fraction(a: float, x: float) -> float:
    """Evaluate the continued fraction of DLMF 8.9.2, which converges fast for large x."""
    b = x + 1 - a
    c, d = 1 / _SMALLEST, 1 / (b or _SMALLEST)
    value = d
    for number in range(1, _TERMS):
        step, b = number * (a - number), b + 2
        d = 1 / ((b + step * d) or _SMALLEST)
        c = (b + step / c) or _SMALLEST
        value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return the probability that chi-square with ``freedom`` degrees is at least ``statistic``."""
    return upper_gamma(freedom / 2, statistic / 2)


def regularised_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for 0 <= x <= 1."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    factor = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return factor * _beta_fraction(x, a, b) / a
    return 1 - factor * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction of DLMF 8.17.22 by Lentz's method."""
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or _SMALLEST)
    value = d
    for number in range(1, _TERMS):
        even = number * (b - number) * x / ((a + 2 * number - 1) * (a + 2 * number))
        odd = -(a + number) * (a + b + number) * x / ((a + 2 * number) * (a + 2 * number + 1))
        for step in (even, odd):
            d = 1 / ((1 + step * d) or _SMALLEST)
            c = (1 + step / c) or _SMALLEST
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def student_tail(t: float, freedom: float) -> float:
    """Return the probability that Student's t with ``freedom`` degrees is at least ``t``, for t >= 0 (DLMF 8.17)."""
    return regularised_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def student_quantile(tail: float, freedom: float) -> float:
    """Return the t above which Student's distribution has the probability ``tail``, for 0 < tail <= 0.5."""
    if not 0 < tail <= 0.5:
        raise ValueError(f"a tail is over 0 and at most 0.5, not {tail}")
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > tail:
        low, high = high, high * 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, freedom) > tail else (low, middle)
    return (low + high) / 2

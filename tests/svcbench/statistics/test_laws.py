"""What the laboratory draws by chance follows the law that it names: arrivals, and the times of backends.

Each test was chosen before it was run, and its level is 0.001.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import exp, log
from random import Random
from statistics import NormalDist

import pytest
from tests.helpers.kolmogorov import exponential, kolmogorov_smirnov, kolmogorov_tail

from kubeapi.backends.reading import read_backend
from kubelet.servers.backend.sampling import times
from svcbench.arrivals import Profile, constant
from svcbench.statistics.fits import chi_square

LEVEL = 0.001
DRAWS = 2000


def test_gaps_of_poisson_arrivals_are_exponential() -> None:
    arrivals = list(Profile(constant(200.0, 10.0), True).times(Random(1)))
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert kolmogorov_smirnov(gaps, exponential(200.0)) > LEVEL


def test_poisson_arrivals_are_as_likely_in_every_second() -> None:
    counts = [0] * 10
    for at in Profile(constant(200.0, 10.0), True).times(Random(1)):
        counts[int(at)] += 1
    assert chi_square(counts).p > LEVEL


def _lognormal(at: float) -> float:
    return NormalDist(log(0.02), 0.5).cdf(log(at))


def _pareto(at: float) -> float:
    return 1 - (0.005 / at) ** 3


@pytest.mark.parametrize(
    ("model", "law"),
    [
        ("exponential(20ms)", exponential(50.0)),
        ("lognormal(20ms, 0.5)", _lognormal),
        ("normal(20ms, 2ms)", NormalDist(0.02, 0.002).cdf),
        ("uniform(10ms, 30ms)", lambda at: (at - 0.01) / 0.02),
        ("pareto(5ms, 3)", _pareto),
    ],
)
def test_the_times_of_a_backend_follow_its_model(model: str, law: Callable[[float], float]) -> None:
    draw = times(read_backend(model).time, Random(1), {})
    assert kolmogorov_smirnov([draw() for _ in range(DRAWS)], law) > LEVEL


def test_a_law_with_another_mean_is_told_from_it() -> None:
    draw = times(read_backend("exponential(20ms)").time, Random(1), {})
    assert kolmogorov_smirnov([draw() for _ in range(DRAWS)], lambda at: 1 - exp(-at / 0.025)) < LEVEL


def test_gaps_of_a_poisson_process_are_exponential_and_even_ones_are_not() -> None:
    rng = Random(4)
    assert kolmogorov_smirnov([rng.expovariate(200) for _ in range(500)], exponential(200)) > 0.001
    assert kolmogorov_smirnov([1 / 200] * 500, exponential(200)) < 1e-6


@pytest.mark.parametrize(
    ("distance", "count", "p"),
    [
        # Massey, "The Kolmogorov-Smirnov Test for Goodness of Fit" (1951), table 1.
        (0.565, 5, 0.05),
        (0.410, 10, 0.05),
        (0.490, 10, 0.01),
        (0.294, 20, 0.05),
        (0.231, 20, 0.20),
        (0.24, 30, 0.05),
    ],
)
def test_kolmogorov_has_about_the_tail_of_the_table(distance: float, count: int, p: float) -> None:
    assert kolmogorov_tail(distance, count) == pytest.approx(p, rel=0.06)


def test_the_two_series_of_kolmogorovs_function_meet() -> None:
    root = 100**0.5
    place = 1.18 / (root + 0.12 + 0.11 / root)
    assert kolmogorov_tail(place - 1e-9, 100) == pytest.approx(kolmogorov_tail(place + 1e-9, 100), abs=1e-6)
    assert kolmogorov_tail(0.0, 100) == 1

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

from kubeapi.backends.reading import read_backend
from kubelet.servers.backend.sampling import times
from svcbench.arrivals import Profile, constant
from svcbench.statistics.fits import exponential, g_test, kolmogorov_smirnov

LEVEL = 0.001
DRAWS = 2000


def test_gaps_of_poisson_arrivals_are_exponential() -> None:
    arrivals = list(Profile(constant(200.0, 10.0), True).times(Random(1)))
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert kolmogorov_smirnov(gaps, exponential(200.0)).p > LEVEL


def test_poisson_arrivals_are_as_likely_in_every_second() -> None:
    counts = [0] * 10
    for at in Profile(constant(200.0, 10.0), True).times(Random(1)):
        counts[int(at)] += 1
    assert g_test(counts).p > LEVEL


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
    assert kolmogorov_smirnov([draw() for _ in range(DRAWS)], law).p > LEVEL


def test_a_law_with_another_mean_is_told_from_it() -> None:
    draw = times(read_backend("exponential(20ms)").time, Random(1), {})
    assert kolmogorov_smirnov([draw() for _ in range(DRAWS)], lambda at: 1 - exp(-at / 0.025)).p < LEVEL

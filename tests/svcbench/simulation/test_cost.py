"""What a simulated request costs, counted in steps of the interpreter and not timed."""

from __future__ import annotations

import pytest
from tests.helpers.steps import steps

from kubeapi.backends.reading import read_backend
from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, all_options
from svcbench.arrivals import Profile, constant
from svcbench.simulation.engine import Engine
from svcbench.simulation.scenario import Scenario, SimulatedPod

PODS, FEW, MANY = 10, 100, 400


def cost(algorithm: str, requests: int) -> int:
    """Return the steps of so many requests to pods with a queue."""
    model = read_backend("exponential(20ms); slots 2")
    pods = [SimulatedPod(f"web-{number}", model) for number in range(PODS)]
    schedule = Profile(constant(70 * PODS, requests / 70 / PODS), is_poisson=True)
    return steps(Engine(Scenario(pods, algorithm, schedule, read_options("", all_options(BALANCERS[algorithm])))).run)


@pytest.mark.parametrize(
    ("algorithm", "most"),
    [
        ("random", 230),
        ("weighted_round_robin", 375),
        ("jiq", 280),
        ("least_connections", 480),
        ("peak_ewma", 440),
        ("prequal", 1900),
    ],
)
def test_a_request_takes_no_more_steps_than_it_needs(algorithm: str, most: int) -> None:
    assert (cost(algorithm, MANY) - cost(algorithm, FEW)) / (MANY - FEW) <= most

"""What a pick costs, counted in steps of the interpreter and not timed: how that grows with the number of endpoints."""

from __future__ import annotations

import pytest
from tests.helpers.kubeproxy.balancing import ASK, WEB, balancer, closed, inputs, opened
from tests.helpers.steps import steps

from kubeproxy.balancers import BALANCERS, NAMES, Asking, Backend, Balancer
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Destination, Endpoint

FEW, MANY, PICKS = 10, 320, 60
GROWTH = {"O(1)": 1.35, "O(log": 3.0}
"""How many times as many steps a pick may take among MANY as among FEW; a logarithm grows 2.5 times."""


def among(count: int) -> list[Backend]:
    # By their weight, none of them is ever full for ovf.
    endpoints = [Endpoint(f"10.0.{number // 250}.{number % 250 + 1}", 80, weight=10) for number in range(count)]
    return [Backend(each, EndpointCounters(WEB, each.address), count) for each in endpoints]


def asks() -> list[Asking]:
    destination = Destination("10.96.0.1", 80, "TCP")
    return [Asking(f"10.1.2.{number + 1}", destination, 40000 + number, f"key-{number}") for number in range(PICKS)]


def held_and_given_back(algorithm: Balancer) -> None:
    """Pick for PICKS connections, of which each third ends at once."""
    for number, ask in enumerate(asks()):
        found = algorithm.pick(ask)
        assert found is not None
        opened(algorithm, found)
        if algorithm.follows:
            algorithm.answered(found, 0.01)
        if not number % 3:
            closed(algorithm, found)


def steps_among(name: str, count: int) -> int:
    algorithm = balancer(name, given=inputs(11))
    algorithm.update(among(count))
    for _ in range(2 * count):  # tables that are made as they are needed are whole then
        algorithm.pick(ASK)
    held_and_given_back(algorithm)
    return steps(lambda: held_and_given_back(algorithm))


@pytest.mark.parametrize("name", [name for name in NAMES if BALANCERS[name].card.cost.startswith(tuple(GROWTH))])
def test_a_pick_costs_as_little_among_many_endpoints_as_its_card_says(name: str) -> None:
    few, many = steps_among(name, FEW), steps_among(name, MANY)
    (bound,) = (each for word, each in GROWTH.items() if BALANCERS[name].card.cost.startswith(word))
    assert many <= bound * few, f"{few} steps among {FEW}, {many} among {MANY}"

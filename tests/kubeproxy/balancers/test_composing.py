"""What goes around an algorithm: nothing unless asked for; and both at once, around every one, through a seeded day."""

from __future__ import annotations

import random

import pytest
from tests.helpers.kubeproxy.balancing import backends, balancer, closed, inputs, opened

from kubeproxy.balancers import BALANCERS, NAMES, Asking, Backend
from kubeproxy.telemetry.outcomes import Result
from kubeproxy.types import Destination

BOTH = (
    '"outlier_detection": true, "max_ejection_percent": 40, "slow_start": "30s", "consecutive_5xx": 2,'
    ' "interval": "5s", "base_ejection_time": "10s"'
)
SMALL = {"maglev": ', "table_size": 251'}
"""An option that keeps tables small."""
REFUSES = ("dh", "mh", "ovf", "sh")
"""Those of IPVS that give a client nothing although there are endpoints."""


@pytest.mark.parametrize("name", NAMES)
def test_without_options_an_algorithm_is_itself(name: str) -> None:
    assert type(balancer(name)) is BALANCERS[name]


class Day:
    """An algorithm with everything around it."""

    def __init__(self, name: str) -> None:
        self.rng, self.now = random.Random(name), 1000.0
        self.algorithm = balancer(name, f"{{{BOTH}{SMALL.get(name, '')}}}", inputs(5, clock=lambda: self.now))
        self.all = backends(1, 2, 1, 3, 0, 1, 1)
        self.present = self.all[:5]
        self.algorithm.update(self.present)

    def ask(self) -> Asking:
        """Let time go by and endpoints come and go, and return who asks."""
        rng = self.rng
        self.now += rng.choice([0, 0.1, 2, 7])
        if rng.random() < 0.05:
            self.present = [each for each in self.all if rng.random() < 0.8]
            self.algorithm.update(self.present)
        return Asking(f"10.0.0.{rng.randrange(9)}", Destination("127.96.0.20", 80, "TCP"), rng.randrange(1000, 1100))

    def serve(self, backend: Backend) -> None:
        """Have an endpoint answer; the last one fails often."""
        opened(self.algorithm, backend)
        is_failure = backend is self.all[3] and self.rng.random() < 0.8
        self.algorithm.answered(backend, 0.01)
        self.algorithm.completed(backend, Result.SERVER_ERROR if is_failure else Result.SUCCESS)
        closed(self.algorithm, backend)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_foretold_comes_whatever_goes_around_it(name: str) -> None:
    day = Day(name)
    for _ in range(150):
        ask = day.ask()
        foretold, is_refused = day.algorithm.upcoming(ask), day.algorithm.refuses(ask)
        avoid = {each.address for each in day.present if day.rng.random() < 0.1}
        found = day.algorithm.pick(ask, avoid)
        if not avoid:
            assert foretold in (None, found)
            assert is_refused is (found is None) or name in REFUSES or not any(each.weight for each in day.present)
        if found is None:
            assert name in REFUSES or not any(each.weight for each in day.present)
            continue
        assert found in day.present
        assert found.weight
        day.serve(found)

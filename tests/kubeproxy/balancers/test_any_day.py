"""Every algorithm through a seeded day: endpoints come, go and change their weights, connections begin and end."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator

import pytest
from tests.helpers.kubeproxy.balancing import backends, balancer, closed, inputs, opened

from kubeproxy.balancers import NAMES, Ask, Asking, Backend
from kubeproxy.types import Destination

DESTINATIONS = [Destination(f"127.96.0.{number}", 80, "TCP") for number in (20, 21)]
REFUSES = ("dh", "mh", "sh")
"""Those of IPVS that give clients nothing whose own server has the weight 0."""


SMALL = {"maglev": '{"table_size": 251}'}
"""Options that keep tables small."""


class Day:
    """One algorithm with its endpoints, in 150 steps."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.rng = random.Random(seed)
        self.now = 1000.0
        self.algorithm = balancer(name, SMALL.get(name, ""), inputs(seed, clock=lambda: self.now))
        self.among = backends(*[self.rng.choice([1, 1, 2, 5, 0]) for _ in range(8)])
        self.present = self.among[:5]
        self.live: list[Backend] = []
        self.algorithm.update(self.present)

    def asks(self) -> Iterator[Ask]:
        for _ in range(150):
            self._change()
            self._end()
            self.now += self.rng.choice([0, 0.01, 5, 40])
            client, port = f"10.0.0.{self.rng.randrange(9)}", self.rng.randrange(1000, 2000)
            yield Asking(client, self.rng.choice(DESTINATIONS), port, f"key-{self.rng.randrange(9)}")

    def begin(self, backend: Backend) -> None:
        opened(self.algorithm, backend)
        self.live.append(backend)

    def expects(self, found: Backend | None, avoid: Collection[str] = ()) -> bool:
        """Tell whether it is one that may get something, of those not in ``avoid`` if there are any."""
        usable = self.usable()
        preferred = [each for each in usable if each.address not in avoid]
        if found is None:
            return not usable or self.name in REFUSES
        return found in (preferred or usable)

    def usable(self) -> list[Backend]:
        is_ovf = self.name == "ovf"
        return [each for each in self.present if each.weight and not (is_ovf and each.counters.active > each.weight)]

    def _change(self) -> None:
        what = self.rng.random()
        if what < 0.05:
            self.rng.choice(self.among).weight = self.rng.choice([0, 1, 3])
        elif what < 0.1:
            self.present = [each for each in self.among if self.rng.random() < 0.7]
        if what < 0.1:
            self.algorithm.update(self.present)

    def _end(self) -> None:
        if not self.live or self.rng.random() < 0.5:
            return
        ended = self.live.pop(self.rng.randrange(len(self.live)))
        if ended not in self.present:
            ended.counters.active -= 1
            return
        if self.algorithm.follows:
            self.algorithm.answered(ended, self.rng.random())
        closed(self.algorithm, ended)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", NAMES)
def test_what_is_foretold_comes_and_it_is_there_and_has_a_weight(name: str, seed: int) -> None:
    day = Day(name, seed)
    for ask in day.asks():
        foretold = day.algorithm.upcoming(ask)
        assert day.algorithm.upcoming(ask) is foretold
        is_refused = day.algorithm.refuses(ask)
        found = day.algorithm.pick(ask)
        assert foretold in (None, found)
        assert day.expects(found)
        assert found is None or not is_refused
        assert found is not None or is_refused or not day.usable()
        if found is not None:
            day.begin(found)


@pytest.mark.parametrize("name", NAMES)
def test_what_failed_is_avoided_while_there_is_another(name: str) -> None:
    day = Day(name, 3)
    for ask in day.asks():
        avoid = {each.address for each in day.present if day.rng.random() < 0.5}
        found = day.algorithm.pick(ask, avoid)
        assert day.expects(found, avoid)
        if found is not None:
            day.begin(found)

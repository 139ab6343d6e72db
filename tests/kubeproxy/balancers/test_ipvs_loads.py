"""IPVS' schedulers that count connections: what the recorded cases do not show. Time, workers, chance, memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, closed, inputs, opened, picked

from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, Asking, Backend, Balancer
from kubeproxy.balancers.ipvs.ended import Ended
from kubeproxy.balancers.ipvs.remembered import MAX_DESTINATIONS, Remembered
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Destination, Endpoint, ServicePortName

DNS = ServicePortName("default", "dns", "dns", "UDP")


class Clock:
    """Seconds in hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def overhead(active: int, ended: int, weight: int) -> float:
    return (257 * active + ended) / weight


COSTS: dict[str, Callable[[int, int, int], float]] = {
    "lc": lambda active, ended, weight: overhead(active, ended, 1),
    "wlc": overhead,
    "sed": lambda active, ended, weight: (active + 1) / weight,
    "nq": lambda active, ended, weight: (active + 1) / weight if active else 0,
    "ovf": lambda active, ended, weight: -weight,
}


class Others:
    """The connections of other processes, told as rows, or as None where there were too many changes to tell."""

    def __init__(self, rng: random.Random, among: Sequence[Backend]) -> None:
        self.rng = rng
        self.loads = [0] * len(among)
        self._rows: set[int] = set()
        for row, each in enumerate(among):
            each.counters.row = row

    def load(self, backend: Backend) -> int:
        return backend.counters.active + self.loads[backend.counters.row]

    def change(self) -> None:
        row = self.rng.randrange(len(self.loads))
        self.loads[row] = self.rng.randrange(4)
        self._rows.add(row)

    def changed(self) -> set[int] | None:
        rows = self._rows
        self._rows = set()
        return None if len(rows) > 2 else rows


@pytest.mark.parametrize("has_others", [False, True])
@pytest.mark.parametrize("name", COSTS)
def test_the_server_of_least_cost_is_found_whatever_happens(name: str, has_others: bool) -> None:
    # A tick is a sixteenth of the two minutes, so that no connection is forgotten early.
    rng, clock, tick = random.Random(3), Clock(), 7.5
    among = backends(*[rng.choice([0, 1, 1, 2, 5, 256]) for _ in range(40)])
    others = Others(rng, among)
    given = inputs(1, load=others.load, clock=clock)._replace(changed=others.changed)
    algorithm = balancer(name, given=given)
    ended: list[tuple[float, Backend]] = []
    algorithm.update(among)
    for _ in range(1000):
        busy = [each for each in among if each.counters.active]
        if busy and rng.random() < 0.45:
            gone = rng.choice(busy)
            closed(algorithm, gone)
            ended.append((clock.now + 120, gone))
        if rng.random() < 0.02:
            rng.choice(among).weight = rng.choice([0, 1, 3])
            algorithm.update(among)
        for _ in range(rng.choice([0, 0, 1, 2, 3]) if has_others else 0):
            others.change()
        clock.now += rng.choice([0, 0, tick])
        inactive = Counter(each for until, each in ended if until > clock.now)
        found = algorithm.pick(ASK)
        assert found is _least(name, among, others.load, inactive)
        if found:
            opened(algorithm, found)


def _least(
    name: str, among: Sequence[Backend], load: Callable[[Backend], int], inactive: Counter[Backend]
) -> Backend | None:
    cost = COSTS[name]
    usable = [each for each in reversed(among) if each.weight and (name != "ovf" or load(each) <= each.weight)]
    return min(usable, key=lambda each: cost(load(each), inactive[each], each.weight), default=None)


def test_an_ended_connection_of_tcp_counts_for_two_minutes() -> None:
    clock = Clock()
    algorithm, among = balancer("lc", given=inputs(1, clock=clock)), backends(1, 1)
    algorithm.update(among)
    opened(algorithm, among[1])
    closed(algorithm, among[1])
    assert picked(algorithm, 1, among) == [1]
    clock.now += 119
    assert picked(algorithm, 1, among) == [1]
    clock.now += 1
    assert picked(algorithm, 1, among) == [2]


@pytest.mark.parametrize(("protocol", "options"), [("UDP", ""), ("TCP", '{"inactive_seconds": 0}')])
def test_an_ended_flow_of_udp_or_without_the_time_does_not_count(protocol: str, options: str) -> None:
    algorithm = balancer("lc", options)
    ends = [Endpoint(f"127.245.0.{number}", 53) for number in (1, 2)]
    among = [Backend(each, EndpointCounters(DNS._replace(protocol=protocol), each.address)) for each in ends]
    algorithm.update(among)
    opened(algorithm, among[1])
    closed(algorithm, among[1])
    assert picked(algorithm, 1, among) == [2]


def test_ended_connections_take_a_bounded_room() -> None:
    ended = Ended(120)
    for tick in range(5000):
        ended.expire(tick / 2)
        ended.add("a", tick / 2)
    assert 240 * 15 / 16 <= ended.counts["a"] <= 241
    assert ended.expire(10_000) == {"a"}
    assert not ended.counts


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 5)])
def test_twos_draws_from_0_to_the_sum_of_the_weights(weights: tuple[int, ...]) -> None:
    algorithm, among, draws = balancer("twos", given=inputs(1)), backends(*weights), 10_000
    algorithm.update(among)
    seen = Counter(picked(algorithm, draws, among))
    shares = [*weights[:-1], weights[-1] + 1]
    expected = {place: draws * share / sum(shares) for place, share in enumerate(shares, 1)}
    assert sum((seen[each] - count) ** 2 / count for each, count in expected.items()) < 13.82


def at(address: str) -> Asking:
    return Asking("10.1.0.1", Destination(address, 80, "TCP"))


def crowded() -> tuple[Balancer, list[Backend], Clock]:
    """Return an ``lblcr`` whose address 10.0.0.1 has the servers 2 and 1, of which 2 is the most loaded."""
    clock = Clock()
    algorithm, among = balancer("lblcr", given=inputs(1, clock=clock)), backends(1, 1)
    algorithm.update(among)
    for _ in range(2):
        opened(algorithm, among[1])
    assert algorithm.pick(at("10.0.0.1")) is among[0]
    for _ in range(2):
        opened(algorithm, among[0])
    closed(algorithm, among[1])
    closed(algorithm, among[1])
    assert algorithm.pick(at("10.0.0.1")) is among[1]
    return algorithm, among, clock


def test_a_set_of_lblcr_that_has_not_changed_for_a_day_loses_its_most_loaded_server() -> None:
    algorithm, among, clock = crowded()
    clock.now += 86_400
    assert algorithm.pick(at("10.0.0.1")) is among[1]
    clock.now += 1
    assert algorithm.pick(at("10.0.0.1")) is among[1]
    opened(algorithm, among[1])
    # Server 1 is idle, but no longer in the set.
    for _ in range(2):
        closed(algorithm, among[0])
    assert algorithm.pick(at("10.0.0.1")) is among[1]


def test_what_a_destination_has_is_forgotten_when_it_is_old_or_too_much() -> None:
    clock = Clock()
    remembered = Remembered[str](60, clock)
    for place in range(MAX_DESTINATIONS + 5):
        remembered.use(str(place), "a")
    assert (remembered.get("4"), remembered.get("5")) == (None, "a")
    clock.now += 60
    remembered.use("new", "b")
    assert (remembered.get("6"), remembered.get("new")) == (None, "b")


@pytest.mark.parametrize("name", ["lc", "wlc", "twos", "lblc", "lblcr"])
def test_the_overhead_is_that_of_one_kernel_or_another(name: str) -> None:
    options = BALANCERS[name].options
    assert read_options("", options)["overhead"] == 257
    assert next(each for each in options if each.name == "overhead").fault(258)

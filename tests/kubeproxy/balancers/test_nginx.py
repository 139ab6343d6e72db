"""nginx' methods pick as nginx 1.22.1 did (``recorded/nginx.json``)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.helpers.kubeproxy.balancing import ASK, WEB, backends, balancer, closed, inputs, opened, picked

from kubeproxy.balancers import Asking, Backend, Balancer
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Endpoint

RECORDED = json.loads((Path(__file__).parent / "recorded" / "nginx.json").read_text())
CASES = {case["name"]: case for case in RECORDED["cases"]}
NAMES = {
    "": "weighted_round_robin",
    "least_conn;": "nginx_least_conn",
    "hash $http_x_key;": "nginx_hash",
    "hash $http_x_key consistent;": "nginx_consistent_hash",
    "ip_hash;": "nginx_ip_hash",
    "random;": "nginx_random",
    "random two least_conn;": "nginx_random_two",
}
DOES_NOT_APPLY = {
    "round robin, only the backup up": "Kubernetes has no backup endpoints",
}
BY_CHANCE = {name for name, case in CASES.items() if case["method"].startswith("random")}
HELD = {name for name, case in CASES.items() if "held" in case} - BY_CHANCE


class Server(NamedTuple):
    """A server line: its number in the recording, its backend, how many connections it may have (0: any number)."""

    number: int
    backend: Backend
    limit: int
    is_down: bool


def servers(case: dict[str, Any]) -> list[Server]:
    """Return the servers of a case but those that are backups; ``down`` ones are to be avoided."""
    made = []
    for line in case["servers"]:
        _, address, *rest = line.rstrip(";").split()
        options = dict(each.partition("=")[::2] for each in rest)
        host, _, port = address.rpartition(":")
        backend = Backend(
            Endpoint(host, int(port), weight=int(options.get("weight", 1))), EndpointCounters(WEB, address)
        )
        if "backup" not in options:
            number = int(host.rpartition(".")[2])
            made.append(Server(number, backend, int(options.get("max_conns", 0)), "down" in options))
    return made


def started(case: dict[str, Any], seed: int = 0) -> tuple[Balancer, list[Server]]:
    """Return the algorithm of a case, with its servers."""
    algorithm, among = balancer(NAMES[case["method"]], given=inputs(seed)), servers(case)
    algorithm.update([each.backend for each in among])
    return algorithm, among


def unusable(among: Sequence[Server]) -> set[str]:
    """Return the addresses that nginx skips: the proxy says so to an algorithm by ``avoid``."""
    return {
        each.backend.address
        for each in among
        if each.is_down or (each.limit and each.backend.counters.active >= each.limit)
    }


def test_every_recorded_case_is_replayed_or_has_a_reason_why_not() -> None:
    replayed = {name for name, case in CASES.items() if "picks" in case or "picks_by_key" in case} | HELD | BY_CHANCE
    replayed |= {name for name, case in CASES.items() if "picks_by_address" in case}
    assert replayed == CASES.keys()
    assert len(CASES) == 27


@pytest.mark.parametrize("name", sorted({name for name in CASES if "picks" in CASES[name]} - DOES_NOT_APPLY.keys()))
def test_weighted_round_robin_goes_as_nginx_did(name: str) -> None:
    algorithm, among = started(CASES[name])
    numbers = {each.backend: each.number for each in among}
    avoid, picks = unusable(among), []
    for _ in CASES[name]["picks"]:
        found = algorithm.pick(ASK, avoid)
        assert found is not None
        if found.endpoint.port == 9001:
            # Nobody listens there: nginx tries the next, and that one no more for ten seconds.
            avoid = {found.address}
            found = algorithm.pick(ASK, avoid)
            assert found is not None
        picks.append(numbers[found])
    assert picks == CASES[name]["picks"]


@pytest.mark.parametrize("name", sorted(name for name in CASES if "picks_by_key" in CASES[name]))
def test_a_key_gets_the_server_that_it_had_with_nginx(name: str) -> None:
    algorithm, among = started(CASES[name])
    asks = (Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(200))
    assert replies(algorithm.pick, asks, among) == CASES[name]["picks_by_key"]


@pytest.mark.parametrize("name", sorted(name for name in CASES if "picks_by_address" in CASES[name]))
def test_a_client_gets_the_server_that_it_had_with_nginx(name: str) -> None:
    algorithm, among = started(CASES[name])
    asks = (Asking(client, ASK.destination) for client in RECORDED["addresses"])
    assert replies(algorithm.pick, asks, among) == CASES[name]["picks_by_address"]


def replies(pick: Callable[[Asking, Collection[str]], Backend | None], asks: Any, among: Sequence[Server]) -> list[int]:
    """Return the numbers of the servers that are picked."""
    numbers: dict[Backend | None, int] = {each.backend: each.number for each in among}
    avoid = unusable(among)
    return [numbers[pick(ask, avoid)] for ask in asks]


@pytest.mark.parametrize("name", sorted(HELD))
def test_connections_that_stay_are_spread_as_nginx_did(name: str) -> None:
    case = CASES[name]
    algorithm, among = started(case)

    def take() -> int:
        found = algorithm.pick(ASK, unusable(among))
        assert found is not None
        opened(algorithm, found)
        return next(each.number for each in among if each.backend is found)

    def release(servers: Sequence[Server]) -> None:
        for each in servers:
            while each.backend.counters.active:
                closed(algorithm, each.backend)

    assert [take() for _ in case["held"]] == case["held"]
    release(among[:1])
    assert [take() for _ in case["after_release_of_1"]] == case["after_release_of_1"]
    one_at_a_time = []
    for _ in case["one_at_a_time"]:
        release(among)
        one_at_a_time.append(take())
    assert one_at_a_time == case["one_at_a_time"]


@pytest.mark.parametrize(("weights", "bound"), [((1, 1, 1), 13.82), ((1, 2, 5), 13.82)])
def test_random_draws_by_weight(weights: tuple[int, ...], bound: float) -> None:
    recorded = next(c["counts_of_900"] for n, c in CASES.items() if n == f"random {'/'.join(map(str, weights))}")
    algorithm, among = balancer("nginx_random", given=inputs(3)), backends(*weights)
    algorithm.update(among)
    for counts in (Counter(picked(algorithm, 900, among)), {int(each): count for each, count in recorded.items()}):
        expected = {number: 900 * weight / sum(weights) for number, weight in enumerate(weights, 1)}
        assert sum((counts[each] - expected[each]) ** 2 / expected[each] for each in expected) < bound


@pytest.mark.parametrize("name", sorted(name for name in BY_CHANCE if "held" in CASES[name]))
def test_the_less_loaded_of_two_keeps_loads_as_even_as_nginx_did(name: str) -> None:
    case = CASES[name]
    algorithm, among = started(case, seed=5)
    recorded = Counter(case["held"])
    for _ in case["held"]:
        found = algorithm.pick(ASK)
        assert found is not None
        found.counters.active += 1
    weights = sum(each.backend.weight for each in among)
    for each in among:
        fair = len(case["held"]) * each.backend.weight / weights
        # Two of equal weight never differ by more than one; among more the pair may miss the least loaded.
        slack = 1 if len(among) == 2 else 3
        assert abs(each.backend.counters.active - fair) <= slack
        assert abs(recorded[each.number] - fair) <= slack


def test_of_two_idle_ones_each_is_as_likely_as_with_nginx() -> None:
    # nginx 1.22.1, `random two least_conn`, weights 1, 2, 5: 6000 requests one at a time.
    recorded = Counter({1: 1520, 2: 2723, 3: 1757})
    algorithm, among = balancer("nginx_random_two", given=inputs(2)), backends(1, 2, 5)
    algorithm.update(among)
    chances = {1: 1 / 8, 2: 2 / 8, 3: 5 / 8}
    # Equal ones: the second that is drawn is taken, which is never the first again.
    expected = {
        each: 6000 * sum(first * chance / (1 - first) for other, first in chances.items() if other != each)
        for each, chance in chances.items()
    }
    for counts in (Counter(picked(algorithm, 6000, among)), recorded):
        assert sum((counts[each] - expected[each]) ** 2 / expected[each] for each in expected) < 13.82


def test_the_one_that_has_more_never_wins_of_two() -> None:
    algorithm, among = balancer("nginx_random_two", given=inputs(1)), backends(1, 1, active=[3, 2])
    algorithm.update(among)
    assert picked(algorithm, 50, among) == [2] * 50


def smooth(weights: Sequence[int], values: list[int], among: Collection[int]) -> int:
    """Return the next of nginx' smooth weighted round robin, as the plain rule says it."""
    for each in among:
        values[each] += weights[each]
    best = max(among, key=lambda each: (values[each], -each))
    values[best] -= sum(weights[each] for each in among)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_the_rotation_gives_the_same_picks_as_a_look_at_every_server(seed: int) -> None:
    rng = random.Random(seed)
    weights = [rng.choice([1, 1, 2, 3, 5, 100, rng.randint(1, 256)]) for _ in range(rng.randint(1, 12))]
    if seed % 8 == 0:
        # All weights, in every band of similar ones.
        weights += rng.sample(range(1, 257), 90)
    algorithm, among = balancer("weighted_round_robin"), backends(*weights)
    algorithm.update(among)
    values = [0] * len(weights)
    for _ in range(120):
        avoid = {each for each in range(len(weights)) if rng.random() < 0.3} if rng.random() < 0.2 else set()
        usable = [each for each in range(len(weights)) if each not in avoid] or range(len(weights))
        found = algorithm.pick(ASK, {among[each].address for each in avoid})
        assert found is among[smooth(weights, values, usable)]


@pytest.mark.parametrize("seed", range(40))
def test_least_conn_gives_the_same_picks_as_a_look_at_every_server(seed: int) -> None:
    rng = random.Random(seed)
    weights = [rng.choice([1, 1, 2, 3, 4]) for _ in range(rng.randint(1, 8))]
    algorithm, among = balancer("nginx_least_conn"), backends(*weights)
    algorithm.update(among)
    values, numbers = [0] * len(weights), range(len(weights))
    for _ in range(150):
        avoid = {each for each in numbers if rng.random() < 0.3} if rng.random() < 0.2 else set()
        usable = [each for each in numbers if each not in avoid] or numbers
        loads = {each: Fraction(among[each].counters.active, weights[each]) for each in usable}
        equal = [each for each in usable if loads[each] == min(loads.values())]
        expected = equal[0] if len(equal) == 1 else smooth(weights, values, equal)
        assert avoid or algorithm.upcoming(ASK) is among[expected]
        found = algorithm.pick(ASK, {among[each].address for each in avoid})
        assert found is among[expected]
        if rng.random() < 0.7:
            opened(algorithm, found)
        while rng.random() < 0.4 and (busy := [each for each in among if each.counters.active]):
            closed(algorithm, rng.choice(busy))


def test_least_conn_sees_what_another_process_has_opened() -> None:
    elsewhere, changed = {1: 0, 2: 0, 3: 0}, set[int]()
    among = backends(1, 1, 1)
    for row, each in enumerate(among, 1):
        each.counters.row = row
    given = inputs(load=lambda each: each.counters.active + elsewhere[each.counters.row])
    algorithm = balancer("nginx_least_conn", given=given._replace(changed=lambda: changed))
    algorithm.update(among)
    assert picked(algorithm, 3, among) == [1, 2, 3]
    elsewhere[1] = 2
    changed = {1}
    assert picked(algorithm, 4, among) == [2, 3, 2, 3]
    elsewhere[1], elsewhere[3] = 0, 1
    changed = {1, 3}
    assert picked(algorithm, 2, among) == [1, 2]


def test_a_change_of_one_weight_leaves_the_turns_of_the_others() -> None:
    algorithm, among = balancer("weighted_round_robin"), backends(1, 1, 1, 1)
    algorithm.update(among)
    assert picked(algorithm, 2, among) == [1, 2]
    among[3].weight = 2
    algorithm.update(among)
    assert picked(algorithm, 3, among)[:2] == [4, 3]


def test_a_newcomer_gets_no_more_than_its_share() -> None:
    algorithm, among = balancer("weighted_round_robin"), backends(*[1] * 10)
    algorithm.update(among[:9])
    picked(algorithm, 5, among)
    algorithm.update(among)
    assert Counter(picked(algorithm, 20, among))[10] == 2


def test_the_keys_of_a_backend_that_has_left_move_and_no_others() -> None:
    among = backends(*[1] * 5)
    before, after = balancer("nginx_consistent_hash"), balancer("nginx_consistent_hash")
    before.update(among)
    after.update(among[:2] + among[3:])
    asks = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(300)]
    moved = [ask for ask in asks if before.pick(ask) is not after.pick(ask)]
    assert {before.pick(ask) for ask in moved} == {among[2]}

"""Envoy's algorithms: their picks are those recorded from Envoy 1.40.0, their tables those of its documentation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from tests.helpers.kubeproxy.balancing import ASK, WEB, backends, balancer, closed, inputs, opened, picked
from tests.helpers.kubeproxy.recorded import Case, cases, is_rotation

from kubeproxy.balancers import Asking, Backend, Balancer
from kubeproxy.balancers.envoy.least_request import LeastRequest
from kubeproxy.balancers.envoy.maglev import maglev_table
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Endpoint

CASES = {each["name"]: each for each in cases("envoy.json")}
CONSISTENT = [name for name, each in CASES.items() if "picks_by_key" in each]
BOUNDED = [name for name, each in CASES.items() if "held_same_key" in each]
EDF = [name for name in CASES if name.startswith("round robin")]
CHI_SQUARE_999 = {2: 13.82, 4: 18.47, 9: 27.88}


def hosts(case: Case) -> list[Backend]:
    """Return the healthy hosts of a case."""
    found = [
        (each["address"].rpartition(":")[0], each["weight"]) for each in case["hosts"] if each["health"] == "HEALTHY"
    ]
    endpoints = [Endpoint(ip, 9000, weight=weight) for ip, weight in found]
    return [Backend(each, EndpointCounters(WEB, each.address)) for each in endpoints]


def algorithm_of(case: Case, seed: int = 0) -> Balancer:
    config = case["config"]
    options = {
        **config.get("ring_hash_lb_config", {}),
        **config.get("maglev_lb_config", {}),
        **config.get("common_lb_config", {}).get("consistent_hashing_lb_config", {}),
    }
    name = {"ROUND_ROBIN": "envoy_round_robin", "RANDOM": "random"}.get(
        config["lb_policy"], config["lb_policy"].lower()
    )
    return balancer(name, json.dumps(options), inputs(seed))


def number(backend: Backend | None) -> int:
    """Return the number of a host as the recording has it."""
    return int(backend.endpoint.ip.rpartition(".")[2]) if backend else 0


def keyed(key: str) -> Asking:
    return Asking(ASK.client, ASK.destination, key=key)


@pytest.mark.parametrize("name", CONSISTENT)
def test_a_key_belongs_to_the_host_that_envoy_gives_it(name: str) -> None:
    algorithm = algorithm_of(CASES[name])
    algorithm.update(hosts(CASES[name]))
    assert [number(algorithm.pick(keyed(f"key-{each}"))) for each in range(200)] == CASES[name]["picks_by_key"]


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("list_name", ["held_same_key", "held_keys"])
def test_what_does_not_fit_goes_where_envoy_sends_it(name: str, list_name: str) -> None:
    algorithm, case = algorithm_of(CASES[name]), CASES[name]
    algorithm.update(hosts(case))
    keys = ["hot"] * 30 if list_name == "held_same_key" else [f"key-{each}" for each in range(60)]
    assert [number(_open(algorithm, key)) for key in keys] == case[list_name]


def _open(algorithm: Balancer, key: str) -> Backend:
    found = algorithm.pick(keyed(key))
    assert found is not None
    assert algorithm.upcoming(keyed(key)) is found
    opened(algorithm, found)
    return found


@pytest.mark.parametrize("name", ["ring_hash", "maglev"])
def test_a_bound_follows_connections_that_end_and_backends_that_leave(name: str) -> None:
    algorithm, among = balancer(name, '{"hash_balance_factor": 100}'), backends(1, 1, 1, 1)
    algorithm.update(among)
    first = [_open(algorithm, "hot") for _ in range(6)]
    assert len(set(first)) > 1
    for each in first:
        closed(algorithm, each)
    assert _open(algorithm, "hot") is first[0]
    closed(algorithm, first[0])
    rest = [each for each in among if each is not first[0]]
    first[0].counters.active = 50
    algorithm.update(rest)
    assert {_open(algorithm, "hot") for _ in range(9)} == set(rest)


@pytest.mark.parametrize("name", EDF)
def test_turns_by_weight_come_in_envoys_order(name: str) -> None:
    case = CASES[name]
    total = sum(each["weight"] for each in case["hosts"])
    for seed in range(5):
        algorithm, among = algorithm_of(case, seed), hosts(case)
        algorithm.update(among)
        assert is_rotation(picked(algorithm, 3 * total, among), case["picks"][:total])


@pytest.mark.parametrize("name", ["weighted_edf", "least_request"])
def test_an_idle_endpoint_that_refuses_loses_a_turn_and_stops_nothing(name: str) -> None:
    algorithm, among = balancer(name), backends(256, 1, 2, active=[0, 10**6, 10**6])
    algorithm.update(among)
    for _ in range(3):
        assert algorithm.pick(ASK, {among[0].address}) in among[1:]
    assert picked(algorithm, 80, among).count(1) > 70


def test_a_draining_host_is_one_of_weight_0() -> None:
    case = CASES["draining"]
    algorithm, among = algorithm_of(case), backends(1, 0, 1)
    algorithm.update(among)
    assert is_rotation(picked(algorithm, 20, among), [1, 3])
    assert is_rotation(case["picks"], [1, 3])


def test_turns_start_at_a_random_place() -> None:
    among = backends(1, 2, 5)
    starts: Counter[tuple[int, ...]] = Counter()
    for seed in range(40):
        algorithm = balancer("weighted_edf", given=inputs(seed))
        algorithm.update(among)
        starts[tuple(picked(algorithm, 8, among))] += 1
    assert len(starts) == 8


@pytest.mark.parametrize("name", ["least request 1/2/5", "least request 1/2/5 bias 0", "least request full scan 1/2/5"])
def test_least_request_by_unequal_weights_takes_envoys_turns(name: str) -> None:
    assert any(_replay(CASES[name], start) for start in range(8))


def _replay(case: Case, start: int) -> bool:
    """Tell whether held requests go where Envoy sent them, from one of its eight starts on."""
    bias = 0 if "bias 0" in case["name"] else 1
    rng = inputs(0)
    algorithm = balancer(
        "least_request", f'{{"active_request_bias": {bias}}}', rng._replace(rng=_Fixed((start + 0.5) / 8))
    )
    among = hosts(case)
    algorithm.update(among)
    held = [_hold(algorithm) for _ in range(40)]
    if list(map(number, held)) != case["held"]:
        return False
    for each in [each for each in held if number(each) == 1]:
        closed(algorithm, each)
    after = [_hold(algorithm) for _ in range(20)]
    if list(map(number, after)) != case["after_release_of_1"]:
        return False
    for each in [*(each for each in held if number(each) != 1), *after]:
        closed(algorithm, each)
    alone: list[int] = case["one_at_a_time"]
    return picked(algorithm, len(alone), among) == alone


class _Fixed:
    """A source of chance that always says the same."""

    def __init__(self, value: float) -> None:
        self._value = value

    def random(self) -> float:
        return self._value

    def shuffle(self, x: object) -> None:
        raise AssertionError(x)


def _hold(algorithm: Balancer) -> Backend:
    found = algorithm.pick(ASK)
    assert found is not None
    opened(algorithm, found)
    return found


def test_the_weight_for_the_next_turn_falls_with_the_load() -> None:
    algorithm, among = balancer("least_request"), backends(1, 2, active=[0, 4])
    assert isinstance(algorithm, LeastRequest)
    algorithm.update(among)
    assert algorithm.period(among[0]) / algorithm.period(among[1]) == 0.4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("least request 1/1/1/1/1", "{}"),
        ("least request choice_count 5", '{"choices": 5}'),
        ("least request full scan", '{"selection_method": "FULL_SCAN"}'),
    ],
)
def test_draws_are_as_uneven_as_envoys(name: str, options: str) -> None:
    """The same figures of the recording and of our picks: how often the most and the least busy ones were chosen."""
    algorithm, among = balancer("least_request", options, inputs(5)), backends(1, 1, 1, 1, 1)
    algorithm.update(among)
    expected = {"least request full scan": 1}.get(name, 3)
    for picks in (CASES[name]["held"], [among.index(_hold(algorithm)) + 1 for _ in range(40)]):
        counts = Counter(picks)
        assert max(counts.values()) - min(counts.values()) <= expected
        assert len(counts) == 5


def test_choices_may_repeat_so_that_five_of_five_is_no_full_scan() -> None:
    algorithm, among = (
        balancer("least_request", '{"choices": 5}', inputs(3)),
        backends(1, 1, 1, 1, 1, active=[0, 1, 1, 1, 1]),
    )
    algorithm.update(among)
    draws = 4000
    counts = Counter(picked(algorithm, draws, among))
    idle = 1 - 0.8**5
    assert abs(counts[1] - draws * idle) < 4 * (draws * idle * (1 - idle)) ** 0.5


def test_a_full_scan_takes_ties_by_chance() -> None:
    algorithm, among = (
        balancer("least_request", '{"selection_method": "FULL_SCAN"}', inputs(3)),
        backends(1, 1, 1, 1, active=[1, 0, 0, 0]),
    )
    algorithm.update(among)
    counts = Counter(picked(algorithm, 3000, among))
    assert set(counts) == {2, 3, 4}
    assert sum((each - 1000) ** 2 / 1000 for each in counts.values()) < CHI_SQUARE_999[2]


@pytest.mark.parametrize("name", ["random 1/1/1", "random 1/2/5"])
def test_random_ignores_weights_as_envoys_does(name: str) -> None:
    algorithm, case = algorithm_of(CASES[name], 4), CASES[name]
    among = hosts(case)
    algorithm.update(among)
    for counts in (case["counts_of_900"].values(), Counter(picked(algorithm, 900, among)).values()):
        assert sum((each - 300) ** 2 / 300 for each in counts) < CHI_SQUARE_999[2]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1, 2], [21_846, 43_691]), ([1, 1, 1], [21_845, 21_846]), ([1, 2, 5], [8_193, 16_385, 40_959])],
)
def test_a_maglev_table_has_the_entries_that_envoy_counts(weights: Sequence[int], expected: list[int]) -> None:
    table = _table([(f"127.0.1.{place}:9000", weight) for place, weight in enumerate(weights, 1)], 65537)
    assert sorted(set(Counter(table).values())) == expected


def test_every_host_has_an_entry_while_the_table_has_one_for_it() -> None:
    table = _table([(f"10.0.0.{place}:80", 1 + 255 * (place == 1)) for place in range(100)], 251)
    assert set(table) == set(range(100))
    assert len(set(_table([(f"10.0.{place}.1:80", 1) for place in range(200)], 101))) == 101


def _table(entries: Sequence[tuple[str, int]], size: int) -> list[int]:
    steps = maglev_table(entries, size)
    while True:
        try:
            next(steps)
        except StopIteration as built:
            return list(built.value)


@pytest.mark.parametrize(("weights", "count"), [([1] * 10, 9), ([1, 2, 5], 2)])
def test_rendezvous_gives_shares_by_weight(weights: list[int], count: int) -> None:
    algorithm, among, keys = balancer("rendezvous"), backends(*weights), 8000
    algorithm.update(among)
    counts = Counter(algorithm.pick(keyed(f"user-{each}")) for each in range(keys))
    shares = [keys * each.weight / sum(weights) for each in among]
    assert (
        sum((counts[each] - share) ** 2 / share for each, share in zip(among, shares, strict=True))
        < CHI_SQUARE_999[count]
    )


@pytest.mark.parametrize("weights", [[1] * 10, [1, 2, 3, 4]])
def test_rendezvous_moves_only_the_keys_of_the_one_that_leaves(weights: list[int]) -> None:
    algorithm, among = balancer("rendezvous"), backends(*weights)
    keys = [keyed(f"user-{each}") for each in range(500)]
    algorithm.update(among)
    before = {key: algorithm.pick(key) for key in keys}
    algorithm.update(among[1:])
    moved = {key for key in keys if algorithm.pick(key) is not before[key]}
    assert moved == {key for key in keys if before[key] is among[0]}
    assert moved


@pytest.mark.parametrize("name", ["ring_hash", "maglev", "rendezvous"])
def test_without_a_key_the_clients_address_decides(name: str) -> None:
    algorithm = balancer(name)
    algorithm.update(backends(1, 1, 1, 1, 1))
    for client in (f"127.0.9.{each}" for each in range(20)):
        found = {algorithm.pick(Asking(client, ASK.destination, client_port=port)) for port in range(5)}
        assert found == {algorithm.pick(Asking("127.0.0.1", ASK.destination, key=client))}


@pytest.mark.parametrize("name", ["ring_hash", "maglev"])
def test_a_table_is_built_in_steps_and_keys_have_a_place_meanwhile(name: str) -> None:
    waiting: list[object] = []
    given = inputs()._replace(work=waiting.append)
    algorithm, among = balancer(name, given=given), backends(*[1] * 5)
    keys = [keyed(f"key-{each}") for each in range(100)]
    algorithm.update(among)
    assert {algorithm.pick(key) for key in keys} == set(among)
    ready = balancer(name)
    ready.update(among)
    _finish(waiting)
    before = {key: algorithm.pick(key) for key in keys}
    assert before == {key: ready.pick(key) for key in keys}
    algorithm.update(among[1:])
    meanwhile = {key: algorithm.pick(key) for key in keys}
    assert {key for key in keys if meanwhile[key] is not before[key]} == {
        key for key in keys if before[key] is among[0]
    }
    algorithm.update(among)
    _finish(waiting)
    assert {key: algorithm.pick(key) for key in keys} == before


def _finish(waiting: list[object]) -> None:
    for steps in waiting:
        assert hasattr(steps, "__next__")
        for _ in steps:  # type: ignore[attr-defined]
            pass
    waiting.clear()


@pytest.mark.parametrize("name", ["ring_hash", "maglev"])
def test_routes_with_the_same_endpoints_share_a_table(name: str) -> None:
    built: list[object] = []
    given = inputs()._replace(work=built.extend)
    first, second = (balancer(name, '{"hash_on": "path"}', given) for _ in range(2))
    first.update(backends(1, 1, 3, 2))
    steps, among = len(built), backends(1, 1, 3, 2)
    second.update(among)
    assert len(built) == steps > 0
    assert second.pick(ASK) in among


@pytest.mark.parametrize(
    ("size", "fault"), [(251, ""), (65536, "must be a prime number"), (1, "must be between 2 and")]
)
def test_a_table_size_is_a_prime_number(size: int, fault: str) -> None:
    option = next(each for each in type(balancer("maglev")).options if each.name == "table_size")
    assert option.fault(size).startswith(fault)
    assert bool(option.fault(size)) is bool(fault)

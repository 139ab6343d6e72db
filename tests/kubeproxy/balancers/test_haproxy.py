"""HAProxy's algorithms pick as HAProxy 2.6.12 did (``recorded/haproxy.json``)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from tests.helpers.kubeproxy.balancing import ASK, WEB, backends, balancer, closed, inputs, opened, picked

from kubeproxy.balancers import BALANCERS, Asking, Backend, Balancer
from kubeproxy.balancers.haproxy.functions import avalanche
from kubeproxy.balancers.haproxy.servermap import map_size, server_map
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Endpoint

RECORDED = json.loads((Path(__file__).parent / "recorded" / "haproxy.json").read_text())
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in RECORDED["cases"]}
CHANGING = json.loads((Path(__file__).parent / "recorded" / "haproxy_weights.json").read_text())["cases"]
"""Rotations whose weights were changed over the stats socket while they ran."""
REFUSING = json.loads((Path(__file__).parent / "recorded" / "haproxy_refuses.json").read_text())["cases"]
"""Requests one at a time while one server refuses connections."""
BY_CHANCE = sorted(name for name in CASES if name.startswith("random"))
HELD = sorted(name for name in CASES if "held" in CASES[name] and name not in BY_CHANCE)
IN_TURN = sorted(name for name in CASES if "picks" in CASES[name])
HASHED = sorted(name for name in CASES if "picks_by_key" in CASES[name] or "picks_by_address" in CASES[name])
BOUNDED = sorted(name for name in CASES if "held_same_key" in CASES[name])
NAMES = {
    "": "haproxy_roundrobin",
    "roundrobin": "haproxy_roundrobin",
    "static-rr": "haproxy_static_rr",
    "leastconn": "haproxy_leastconn",
    "first": "first",
    "random": "haproxy_random",
    "source": "haproxy_hash",
    "hdr": "haproxy_hash",
}
CHI_SQUARE_999 = 13.82
"""The quantile at 0.999 for two degrees of freedom."""


class Server(NamedTuple):
    """A server line: its number in the recording, its backend, its maxconn (0: any number)."""

    number: int
    backend: Backend
    limit: int


def servers(case: dict[str, Any]) -> list[Server]:
    """Return the servers of a case in the order of their ids; a disabled one has the weight 0."""
    made = []
    for place, line in enumerate(case["servers"], 1):
        _, name, address, *rest = line.split()
        words = dict(pairwise(rest))
        host, _, port = address.rpartition(":")
        weight = 0 if "disabled" in rest else int(words["weight"])
        backend = Backend(Endpoint(host, int(port), weight=weight), EndpointCounters(WEB, address))
        made.append((int(words.get("id", place)), Server(int(name[1:]), backend, int(words.get("maxconn", 0)))))
    return [server for _, server in sorted(made)]


def options(case: dict[str, Any]) -> dict[str, Any]:
    """Return the options that say what the directives of a case say."""
    written: dict[str, Any] = {}
    for directive in case["directives"]:
        word, *rest = directive.split()
        if word == "hash-type":
            written["hash_type"] = rest[0]
            if rest[1:]:
                written |= {"function": rest[1], "avalanche": "avalanche" in rest}
        elif word == "hash-balance-factor":
            written["balance_factor"] = int(rest[0])
        elif rest[0].startswith("random("):
            written["draws"] = int(rest[0][7:-1])
    if case["directives"][:1] == ["balance first"] and "maxconn" in case["servers"][0]:
        written["max_connections"] = 3
    return written


def started(case: dict[str, Any], seed: int = 0) -> tuple[Balancer, list[Server]]:
    """Return the algorithm of a case, with its servers."""
    method = case["directives"][0].split()[1].partition("(")[0] if case["directives"] else ""
    algorithm = balancer(NAMES[method], json.dumps(options(case)), inputs(seed))
    among = servers(case)
    algorithm.update([each.backend for each in among])
    return algorithm, among


class Replay:
    """Asks an algorithm for connections that stay open, and tells it of them."""

    def __init__(self, case: dict[str, Any], seed: int = 0) -> None:
        self.algorithm, self.among = started(case, seed)
        self._open: list[Server] = []

    def take(self, ask: Asking | None = None) -> int:
        """Open one more; a server with ``maxconn`` connections is saturated."""
        full = {each.backend.address for each in self.among if 0 < each.limit <= each.backend.counters.active}
        found = self.algorithm.pick(ask or ASK, full)
        assert found is not None
        opened(self.algorithm, found)
        server = next(each for each in self.among if each.backend is found)
        self._open.append(server)
        return server.number

    def release(self, numbers: Iterable[int]) -> None:
        """Close all connections of these servers, in the order in which they were opened."""
        wanted = set(numbers)
        for each in self._open:
            if each.number in wanted:
                closed(self.algorithm, each.backend)
        self._open = [each for each in self._open if each.number not in wanted]

    def take_and_release(self) -> int:
        """Open and close one."""
        number = self.take()
        closed(self.algorithm, self._open.pop().backend)
        return number


def test_every_recorded_case_is_replayed() -> None:
    assert sorted([*BY_CHANCE, *HELD, *IN_TURN, *HASHED, *BOUNDED]) == sorted(CASES)
    assert len(CASES) == 51


@pytest.mark.parametrize("name", IN_TURN)
def test_turns_go_as_with_haproxy(name: str) -> None:
    algorithm, among = started(CASES[name])
    picks = picked(algorithm, len(CASES[name]["picks"]), [each.backend for each in among])
    assert [among[each - 1].number for each in picks] == CASES[name]["picks"]


@pytest.mark.parametrize("name", HASHED)
def test_a_key_gets_the_server_that_it_had_with_haproxy(name: str) -> None:
    algorithm, among = started(CASES[name])
    numbers: dict[Backend | None, int] = {each.backend: each.number for each in among}
    if "picks_by_key" in CASES[name]:
        asks = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(200)]
    else:
        asks = [Asking(client, ASK.destination) for client in RECORDED["addresses"]]
    expected = CASES[name].get("picks_by_key") or CASES[name]["picks_by_address"]
    assert [numbers[algorithm.pick(ask)] for ask in asks] == expected


@pytest.mark.parametrize("name", HELD)
def test_connections_that_stay_are_spread_as_haproxy_did(name: str) -> None:
    case, replay = CASES[name], Replay(CASES[name])
    assert [replay.take() for _ in case["held"]] == case["held"]
    replay.release([1])
    assert [replay.take() for _ in case["after_release_of_1"]] == case["after_release_of_1"]
    replay.release([1, 2, 3])
    assert [replay.take_and_release() for _ in case["one_at_a_time"]] == case["one_at_a_time"]


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize(("held", "keys"), [("held_same_key", ["hot"] * 30), ("held_keys", None)])
def test_the_bound_of_the_load_is_haproxys(name: str, held: str, keys: Sequence[str] | None) -> None:
    replay = Replay(CASES[name])
    asks = [Asking("127.0.0.1", ASK.destination, key=key) for key in keys or [f"key-{number}" for number in range(60)]]
    assert [replay.take(ask) for ask in asks] == CASES[name][held]


def test_one_draw_of_random_follows_the_arcs_between_points_as_with_haproxy() -> None:
    for weights, recorded in (((1, 1, 1), "random(1) 1/1/1"), ((1, 2, 5), "random(1) 1/2/5")):
        arcs, draws = arcs_of(weights), 9000
        algorithm, among = balancer("haproxy_random", '{"draws": 1}', inputs(2)), backends(*weights)
        algorithm.update(among)
        theirs = {int(number): count for number, count in CASES[recorded]["counts_of_900"].items()}
        for counts, total in ((Counter(picked(algorithm, draws, among)), draws), (theirs, 900)):
            expected = {number: total * share for number, share in arcs.items()}
            assert sum((counts[each] - expected[each]) ** 2 / expected[each] for each in expected) < CHI_SQUARE_999


def arcs_of(weights: Sequence[int]) -> dict[int, float]:
    """Return the part of the circle that is nearest to each server's points, by its number."""
    points = sorted(
        (avalanche(4096 * number + point), number)
        for number, weight in enumerate(weights, 1)
        for point in range(16 * weight)
    )
    arcs = dict.fromkeys(range(1, len(weights) + 1), 0.0)
    for (before, one), (after, other) in pairwise([*points, (points[0][0] + (1 << 32), points[0][1])]):
        arcs[one] += (after - before) / 2 / (1 << 32)
        arcs[other] += (after - before) / 2 / (1 << 32)
    return arcs


@pytest.mark.parametrize("name", [name for name in BY_CHANCE if "held" in CASES[name]])
def test_the_less_loaded_of_those_drawn_keeps_loads_as_even_as_haproxy_did(name: str) -> None:
    case = CASES[name]
    replay = Replay(case, seed=4)
    ours, theirs = Counter(replay.take() for _ in case["held"]), Counter(case["held"])
    weights = {each.number: each.backend.weight for each in replay.among}
    for counts in (ours, theirs):
        for number, weight in weights.items():
            assert abs(counts[number] - len(case["held"]) * weight / sum(weights.values())) <= 3


def test_random_one_at_a_time_is_as_likely_to_give_each_as_haproxy() -> None:
    case = CASES["random(2) 1/1/1 one at a time"]
    algorithm, among = balancer("haproxy_random", given=inputs(2)), backends(1, 1, 1)
    algorithm.update(among)
    # Idle ones are equal and the later draw is kept, so that shares are those of one draw.
    for counts in (
        Counter(picked(algorithm, 900, among)),
        Counter({int(n): c for n, c in case["counts_of_900"].items()}),
    ):
        expected = {number: 900 * share for number, share in arcs_of((1, 1, 1)).items()}
        assert sum((counts[each] - expected[each]) ** 2 / expected[each] for each in expected) < CHI_SQUARE_999


def plain_map(weights: Sequence[int]) -> list[int]:
    """Return the map as HAProxy makes it: every server's account in every step."""
    total, accounts, entries = sum(weights), [0] * len(weights), []
    for _ in range(total):
        accounts = [account + weight for account, weight in zip(accounts, weights, strict=True)]
        best = max(range(len(weights)), key=lambda place: ((accounts[place] + total) // total, -place))
        accounts[best] -= total
        entries.append(best + 1)
    return entries


@pytest.mark.parametrize(
    "weights",
    [
        (1, 2, 5),
        (7, 7, 1),
        (3, 3, 3, 1, 1),
        (12, 1, 5, 30, 2),
        (1, 1, 1, 1, 40),
        (2, 4, 6),
        (256, 1, 255),
        (9, 8, 7, 6, 5),
    ],
)
def test_the_map_has_haproxys_entries_without_a_look_at_every_server(weights: Sequence[int]) -> None:
    entries = [place + 1 for place in server_map(weights)]
    assert len(entries) == map_size(weights)
    assert entries * (sum(weights) // len(entries)) == plain_map(weights)


def test_a_map_is_made_no_further_than_it_is_needed() -> None:
    assert list(islice(server_map([256, 255] * 100), 3)) == [0, 1, 2]


def test_a_backend_that_leaves_takes_no_other_ones_keys_from_the_tree() -> None:
    algorithm, among = balancer("haproxy_hash", '{"hash_type": "consistent"}'), backends(1, 1, 1, 1, 1)
    asks = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(300)]
    algorithm.update(among)
    before = [algorithm.pick(ask) for ask in asks]
    algorithm.update(among[:1] + among[2:])
    after = [algorithm.pick(ask) for ask in asks]
    assert {old for old, new in zip(before, after, strict=True) if old is not new} == {among[1]}
    algorithm.update(among)
    assert [algorithm.pick(ask) for ask in asks] == before


def test_backends_that_come_back_have_their_keys_again_in_whatever_order_they_come() -> None:
    algorithm, among = balancer("haproxy_hash", '{"hash_type": "consistent"}'), backends(1, 1, 1, 1, 1)
    asks = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(300)]
    algorithm.update(among)
    before = [algorithm.pick(ask) for ask in asks]
    for left in (among[:1] + among[3:], among[:1] + among[2:], among):
        algorithm.update(left)
    assert [algorithm.pick(ask) for ask in asks] == before


def test_keys_that_are_alike_are_spread_by_default_where_the_hash_is_consistent() -> None:
    asks = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(200)]
    reached = {}
    for function in ("default", "sdbm"):
        algorithm = balancer("haproxy_hash", json.dumps({"hash_type": "consistent", "function": function}))
        algorithm.update(backends(1, 1, 1, 1, 1))
        reached[function] = len({algorithm.pick(ask) for ask in asks})
    assert reached == {"default": 5, "sdbm": 3}


def test_a_key_that_is_a_hash_is_used_as_it_is() -> None:
    algorithm, among = balancer("haproxy_hash", '{"function": "none"}'), backends(1, 1, 1)
    algorithm.update(among)
    keys = ("0", "1", "2", "3", "5x", "x", "-1")
    picks = [algorithm.pick(Asking("127.0.0.1", ASK.destination, key=key)) for key in keys]
    assert [among.index(each) + 1 for each in picks if each] == [1, 2, 3, 1, 3, 1, 1]


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: "/".join(map(str, case["weights"])))
def test_turns_go_as_with_haproxy_when_weights_change(case: dict[str, Any]) -> None:
    """``changes`` has how many picks came before, the server and its weight from then on."""
    algorithm, among = balancer("haproxy_roundrobin"), backends(*case["weights"])
    algorithm.update(among)
    picks: list[int] = []
    for before, number, weight in case["changes"]:
        picks += picked(algorithm, before - len(picks), among)
        among[number - 1].weight = weight
        algorithm.update(among)
    assert picks + picked(algorithm, len(case["picks"]) - len(picks), among) == case["picks"]


@pytest.mark.parametrize("case", REFUSING, ids=lambda case: f"{case['algorithm']}, {case['refuses']} refuses")
def test_a_server_that_refuses_is_passed_by_as_with_haproxy(case: dict[str, Any]) -> None:
    """HAProxy tried each request once more, elsewhere (``option redispatch 1``)."""
    algorithm = balancer(case["algorithm"], json.dumps(case["options"]))
    among = backends(*case["weights"])
    algorithm.update(among)
    refuses, picks = among[case["refuses"] - 1], []
    for number in range(len(case["picks"])):
        ask = Asking("127.0.0.1", ASK.destination, key=f"key-{number}")
        found = algorithm.pick(ask)
        if found is refuses:
            opened(algorithm, found)
            closed(algorithm, found)
            found = algorithm.pick(ask, {found.address})
        assert found is not None
        opened(algorithm, found)
        closed(algorithm, found)
        picks.append(among.index(found) + 1)
    assert picks == case["picks"]


def test_the_map_follows_weights_that_change() -> None:
    algorithm, among = balancer("haproxy_static_rr"), backends(1, 2, 5)
    algorithm.update(among)
    assert Counter(picked(algorithm, 80, among)) == {1: 10, 2: 20, 3: 50}
    among[0].weight = 9
    algorithm.update(among)
    assert Counter(picked(algorithm, 160, among)) == {1: 90, 2: 20, 3: 50}


@pytest.mark.parametrize("seed", range(30))
def test_leastconn_gives_the_same_picks_as_a_look_at_every_server(seed: int) -> None:
    rng = Random(seed)
    weights = [rng.choice([1, 1, 2, 5, 256]) for _ in range(rng.randint(1, 8))]
    algorithm, among = balancer("haproxy_leastconn"), backends(*weights)
    algorithm.update(among)
    waiting = list(among)
    """In the order in which they came to where they are."""

    def key(backend: Backend) -> int:
        active = backend.counters.active
        return (active + 1) * 4096 // (backend.weight * 16) if active else 0

    for _ in range(120):
        avoid = {each for each in among if rng.random() < 0.3} if rng.random() < 0.2 else set()
        expected = min([each for each in waiting if each not in avoid] or waiting, key=key)
        found = algorithm.pick(ASK, {each.address for each in avoid})
        assert found is expected
        opened(algorithm, found)
        moved = [found]
        while rng.random() < 0.5 and (busy := [each for each in among if each.counters.active]):
            moved.append(rng.choice(busy))
            closed(algorithm, moved[-1])
        for each in moved:
            waiting.remove(each)
            waiting.append(each)


def test_leastconn_sees_what_another_process_has_opened() -> None:
    elsewhere, changed = {1: 0, 2: 0, 3: 0}, set[int]()
    among = backends(1, 1, 1)
    for row, each in enumerate(among, 1):
        each.counters.row = row
    given = inputs(load=lambda each: each.counters.active + elsewhere[each.counters.row])
    algorithm = balancer("haproxy_leastconn", given=given._replace(changed=lambda: changed))
    algorithm.update(among)
    assert picked(algorithm, 3, among) == [1, 2, 3]
    elsewhere[1] = 2
    changed = {1}
    assert picked(algorithm, 4, among) == [2, 3, 2, 3]
    elsewhere[1], elsewhere[3] = 0, 1
    changed = {1, 3}
    assert picked(algorithm, 2, among) == [2, 1]


def test_first_gives_turns_once_all_are_full() -> None:
    algorithm, among = balancer("first", '{"max_connections": 1}'), backends(1, 1, active=[1, 0])
    algorithm.update(among)
    assert picked(algorithm, 2, among) == [2, 2]
    opened(algorithm, among[1])
    assert picked(algorithm, 4, among) == [1, 2, 1, 2]


@pytest.mark.parametrize(("factor", "is_right"), [(0, True), (100, False), (101, True), (-1, False)])
def test_a_bound_is_more_than_the_mean(factor: int, is_right: bool) -> None:
    option = next(each for each in BALANCERS["haproxy_hash"].options if each.name == "balance_factor")
    assert option.fault(factor) == ("" if is_right else "must be 0 or more than 100")


def test_only_a_bound_needs_to_know_of_connections() -> None:
    options = [{}, {"hash_type": "consistent"}, {"hash_type": "consistent", "balance_factor": 150}]
    assert [balancer("haproxy_hash", json.dumps(each)).follows for each in options] == [False, False, True]

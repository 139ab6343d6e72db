"""A Service in simulation: what is counted, when requests wait, what pickers learn."""

import json
from collections.abc import Mapping
from dataclasses import replace
from statistics import pstdev

import pytest

from kubeapi.backends.reading import read_backend
from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, all_options
from svcbench.arrivals import Profile, Trace, constant
from svcbench.document import run_document
from svcbench.results import Run
from svcbench.simulation.measuring import simulate
from svcbench.simulation.scenario import Scenario, SimulatedPod


def scenario(algorithm: str, *models: str, rate: float = 100, seconds: float = 10, options: str = "") -> Scenario:
    pods = [SimulatedPod(f"web-{number}", read_backend(each)) for number, each in enumerate(models, 1)]
    read = read_options(options, all_options(BALANCERS[algorithm]))
    return Scenario(pods, algorithm, Profile(constant(rate, seconds)), read)


def requests(run: Run) -> list[int]:
    return [each.requests for each in run.pods.values()]


def milliseconds(run: Run, *percents: float) -> list[float]:
    return [each / 1000 for each in run.corrected.percentiles(percents)]


@pytest.mark.parametrize("algorithm", ["random", "round_robin", "least_connections", "peak_ewma", "jiq", "prequal"])
def test_one_seed_gives_one_run_to_the_byte_and_another_seed_another_one(algorithm: str) -> None:
    base = scenario(algorithm, *["lognormal(20ms, 0.5); slots 2"] * 5, rate=300, seconds=3)
    poisson = replace(base, schedule=Profile(constant(300, 3), True), clients=2)
    first, again, other = (json.dumps(run_document(simulate(replace(poisson, seed=seed)))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_run_counts_what_came_to_each_pod_and_when() -> None:
    run = simulate(scenario("round_robin", *["20ms"] * 4, rate=100, seconds=2))
    assert (run.requests, run.completed, run.errors, run.offered_rate) == (200, 200, {}, 100)
    assert (run.source, run.loop, run.generator.achieved_rate) == ("simulation", "open", 100)
    assert requests(run) == [50] * 4
    assert [each.windows for each in run.pods.values()] == [(25, 25)] * 4
    assert [each.peak_in_flight for each in run.pods.values()] == [1] * 4
    assert [(each.second, each.requests, each.p50) for each in run.seconds_series] == [(0, 100, 20000), (1, 100, 20000)]
    assert run.corrected == run.uncorrected


def test_the_warm_up_is_not_measured() -> None:
    run = simulate(replace(scenario("round_robin", "20ms; at 0s..1s: 900ms", seconds=3), warmup=2))
    assert (run.requests, run.seconds, run.warmup) == (100, 1, 2)
    assert milliseconds(run, 100) == pytest.approx([20], rel=0.001)
    assert run.pods["web-1"].peak_in_flight == 3


def test_requests_wait_for_slots() -> None:
    run = simulate(replace(scenario("round_robin", "1s; slots 1"), schedule=Trace((0, 0, 0), 1)))
    assert milliseconds(run, 33, 66, 100) == pytest.approx([1000, 2000, 3000], rel=0.001)


def test_failures_are_counted_by_their_status_and_have_no_latency() -> None:
    run = simulate(scenario("round_robin", "20ms", "20ms; fail(100%, 503)"))
    assert (run.requests, run.completed, run.errors) == (1000, 500, {"status 503": 500})
    assert [each.errors for each in run.pods.values()] == [0, 500]
    assert run.corrected.count == 500
    assert sum(each.errors for each in run.seconds_series) == 500


def test_a_status_below_400_is_an_answer_as_on_sockets() -> None:
    run = simulate(scenario("round_robin", "20ms; fail(100%, 302)"))
    assert (run.completed, run.errors) == (1000, {})


def test_a_client_gives_up_after_its_timeout() -> None:
    run = simulate(replace(scenario("round_robin", "20ms", "2s"), timeout=0.5))
    assert run.errors == {"timed out": 500}
    assert milliseconds(run, 100) == pytest.approx([500], rel=0.001)


def test_a_request_takes_the_way_there_and_back() -> None:
    run = simulate(replace(scenario("round_robin", "20ms"), delay=0.005))
    assert milliseconds(run, 0, 100) == pytest.approx([30, 30], rel=0.001)


def test_without_endpoints_every_request_fails() -> None:
    drained = scenario("round_robin", "20ms")
    drained = replace(drained, pods=[replace(drained.pods[0], weight=0)])
    assert simulate(drained).errors == {"no endpoint": 1000}
    closed = simulate(replace(drained, is_closed=True, connections=1, schedule=Profile(constant(1, 0.01))))
    assert closed.errors == {"no endpoint": closed.requests}


def test_a_closed_loop_keeps_its_connections_busy() -> None:
    run = simulate(replace(scenario("round_robin", "20ms"), is_closed=True, connections=8))
    assert run.loop == "closed"
    assert run.requests == pytest.approx(8 * 500, abs=8)
    assert run.offered_rate == run.requests / 10
    assert run.pods["web-1"].peak_in_flight == 8


def test_requests_that_wait_for_a_connection_count_from_when_they_were_due() -> None:
    run = simulate(replace(scenario("round_robin", "20ms; at 5s..5.5s: 1s", rate=50), connections=1))
    assert max(run.uncorrected.percentiles((99.8, 100))) < 1001 * 1000
    assert run.uncorrected.percentile(99) < 21 * 1000
    assert run.corrected.percentile(99) > 900 * 1000


@pytest.mark.parametrize("algorithm", ["least_connections", "peak_ewma"])
def test_what_becomes_of_requests_reaches_the_picker(algorithm: str) -> None:
    slow, fast = requests(simulate(scenario(algorithm, "400ms", "20ms", rate=200)))
    assert slow < fast / 8


def test_a_picker_that_probes_hears_of_the_load() -> None:
    fast, slow = requests(simulate(scenario("prequal", "20ms; slots 4", "200ms; slots 4", rate=150)))
    assert slow < fast / 4


def test_a_picker_hears_of_the_load_though_its_first_request_asks_nobody() -> None:
    base = scenario("prequal", "20ms; slots 4", "200ms; slots 4", rate=150)
    fast, slow = requests(simulate(replace(base, options={**base.options, "probes": 0.75, "removals": 0.25})))
    assert slow < fast / 2


def test_clients_know_their_own_requests_only() -> None:
    def slow_share(clients: int) -> float:
        base = scenario("least_connections", *["20ms"] * 9, "2s", rate=50, seconds=60)
        return requests(simulate(replace(base, clients=clients)))[-1] / 3000

    assert slow_share(1) < 0.02 < slow_share(50)


def test_weights_reach_the_picker() -> None:
    base = scenario("random", "20ms", "20ms")
    run = simulate(replace(base, pods=[base.pods[0], replace(base.pods[1], weight=0)]))
    assert requests(run) == [1000, 0]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [("random", {0.7: 1 / 0.3}), ("least_connections", {0.9: 1.06})],
)
def test_waiting_times_are_those_of_the_queueing_theory(algorithm: str, expected: Mapping[float, float]) -> None:
    for load, mean in expected.items():
        base = scenario(algorithm, *["exponential(1s); slots 1"] * 100)
        run = simulate(replace(base, schedule=Profile(constant(100 * load, 500), True), warmup=100))
        assert run.corrected.mean / 1e6 == pytest.approx(mean, rel=0.05)


def test_clients_that_know_of_each_other_share_the_backends_more_evenly_by_far() -> None:
    def deviation(options: str) -> float:
        among = scenario("aperture", *["1ms"] * 40, rate=4000, seconds=2, options=options)
        return pstdev(requests(simulate(replace(among, clients=40))))

    assert deviation('{"subset_size": 4, "peers": 40}') <= 0.3 * deviation('{"subset_size": 4}')


@pytest.mark.parametrize(("keys", "sources"), [(200, 0), (0, 200)])
def test_requests_with_keys_or_addresses_of_their_own_are_spread_by_a_hash(keys: int, sources: int) -> None:
    base = scenario("rendezvous", *["1ms"] * 4)
    assert sorted(requests(simulate(base))) == [0, 0, 0, 1000]
    assert min(requests(simulate(replace(base, keys=keys, sources=sources)))) > 100

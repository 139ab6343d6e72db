from __future__ import annotations

import random
from collections import Counter

import pytest
from benchmarks.balancing import LOOPS, SERVICES, manifests, schedule, service_name
from benchmarks.clusters import ClusterError, listener_of, pods_of
from benchmarks.figures import Trial, peak_to_mean, percentile, summary, table
from benchmarks.load import arrivals, trial_from_json, trial_to_json
from tests.helpers.kubesvc.input_manifests import load_text, new_registry


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 99.0, 0),
        ([7], 50.0, 7),
        ([7], 99.9, 7),
        ([1, 2], 50.0, 1),
        ([1, 2, 3], 50.0, 2),
        (list(range(1, 101)), 99.0, 99),
        (list(range(1, 1001)), 99.9, 999),
        (list(range(1, 101)), 99.9, 100),
        ([1, 2, 3], 0.0, 1),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[int], percent: float, expected: int) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [({"a": 5, "b": 5}, 1.0), ({"a": 9, "b": 3}, 1.5), ({"a": 4}, 2.0), ({}, 0.0)],
)
def test_the_peak_is_measured_against_the_fair_share_of_all_pods(answers: dict[str, int], expected: float) -> None:
    assert peak_to_mean(answers, ["a", "b"]) == expected


def trial(seconds: float = 2.0) -> Trial:
    return Trial(
        seconds, 1.0, 4, [1000, 3000, 2000, 2_000_000], Counter({"a": 2, "b": 1}), Counter({"TimeoutError": 1})
    )


def test_rounds_are_added_before_anything_is_computed() -> None:
    both = Trial()
    both.add(trial())
    both.add(trial(4.0))
    assert both.requests_per_second == 1.0
    figures = summary(both, ["a", "b"])
    assert figures["milliseconds"] == {"p50": 2.0, "p99": 2000.0, "p99.9": 2000.0}
    assert (figures["pods"], figures["requests"], figures["offered"]) == ({"a": 4, "b": 2}, 6, 8)
    assert (figures["errors"], figures["peakToMean"], figures["generatorCPU"]) == ({"TimeoutError": 2}, 1.333, 0.33)


def test_a_trial_of_nothing_has_figures_too() -> None:
    assert summary(Trial(), [])["requestsPerSecond"] == 0.0


def test_a_trial_survives_the_way_from_the_generators_process() -> None:
    assert trial_from_json(trial_to_json(trial())) == trial()


def test_the_table_lines_up_and_marks_the_slow_pod() -> None:
    figures = summary(trial(), ["a", "b"])
    lines = table("closed loop", {"random": figures, "round_robin": figures}, "b").splitlines()
    assert lines == [
        "closed loop  requests/s  p50 ms  p99 ms  p99.9 ms  errors  max/mean  requests per pod",
        "random                2     2.0  2000.0    2000.0       1      1.33  2 | slow 1",
        "round_robin           2     2.0  2000.0    2000.0       1      1.33  2 | slow 1",
    ]


def test_arrivals_are_the_same_for_everybody_and_come_at_the_rate() -> None:
    times = list(arrivals(500.0, 10.0, random.Random(1)))
    assert times == list(arrivals(500.0, 10.0, random.Random(1)))
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 10.0
    assert len(times) == pytest.approx(5000, rel=0.1)


def test_every_round_measures_everybody_and_every_other_one_backwards() -> None:
    order = [(loop.name, balancer) for loop, balancer in schedule(2)]
    forth = [(loop.name, balancer) for loop in LOOPS for balancer in SERVICES]
    back = [(loop.name, balancer) for loop in LOOPS for balancer in reversed(SERVICES)]
    assert order == forth + back


def test_the_manifests_of_the_contest_are_good() -> None:
    from kubemanifest import apply_documents
    from kubesvc.config import read_configuration

    loaded = load_text(manifests())
    assert (loaded.faults, loaded.warnings) == ((), ())
    reading = read_configuration(loaded.configuration)
    assert (reading.faults, reading.warnings) == ((), ())
    registry = new_registry(service_cidr=reading.configuration.networking.service_subnet)
    faults, applied = apply_documents(registry, loaded.documents)
    assert faults == []
    assert {each.name for each in applied} >= {service_name(balancer) for balancer in SERVICES}


STATUS = {
    "services": [
        {
            "name": "random",
            "clusterIP": "127.32.0.5",
            "listeners": [{"address": "127.35.0.1", "port": 30001}, {"address": "127.32.0.5", "port": 18080}],
            "endpoints": [{"pod": "slow-1"}, {"pod": "fast-1"}],
        },
        {"name": "down", "clusterIP": "127.32.0.6", "listeners": [], "endpoints": []},
    ]
}


def test_the_target_is_read_from_the_status() -> None:
    assert listener_of(STATUS, "random") == ("127.32.0.5", 18080)
    assert pods_of(STATUS, "random") == ["fast-1", "slow-1"]


@pytest.mark.parametrize("service", ["down", "unknown"])
def test_a_service_that_does_not_listen_is_no_target(service: str) -> None:
    with pytest.raises(ClusterError, match=service):
        listener_of(STATUS, service)

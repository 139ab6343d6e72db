"""When a backend answers: the distributions of its times, its slots, its pauses and its failures."""

from collections.abc import Callable
from math import erf, exp, log, sqrt
from random import Random

import pytest

from kubeapi.backends.reading import read_backend
from kubelet.servers.backend.behaviour import Arrive, behave, replayed_paths
from kubelet.servers.backend.sampling import ReplayError, parse_times

OK = 200


def backend(text: str, seed: int = 1, **replayed: list[float]) -> Arrive:
    return behave(read_backend(text), Random(seed), replayed)


def finished(arrive: Arrive, *times: float) -> list[float]:
    return [round(arrive(each)[0], 9) for each in times]


def normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("exponential(20ms)", lambda x: 1 - exp(-x / 0.02)),
        ("lognormal(20ms, 0.5)", lambda x: normal(log(x / 0.02) / 0.5)),
        ("normal(167ms, 5ms)", lambda x: normal((x - 0.167) / 0.005)),
        ("uniform(10ms, 30ms)", lambda x: (x - 0.01) / 0.02),
        ("pareto(10ms, 1.5)", lambda x: 1 - (0.01 / x) ** 1.5),
        ("exponential(10ms); speed 0.5", lambda x: 1 - exp(-x / 0.02)),
        ("exponential(5ms); cold 1m: 4x", lambda x: 1 - exp(-x / 0.02)),
    ],
)
def test_times_have_the_distribution_that_the_model_says(text: str, distribution: Callable[[float], float]) -> None:
    count = 5000
    arrive = backend(text)
    drawn = sorted(arrive(0.0)[0] for _ in range(count))
    distance = max(
        max((number + 1) / count - distribution(each), distribution(each) - number / count)
        for number, each in enumerate(drawn)
    )
    # Kolmogorov and Smirnov: 0.1 % of all seeds exceed this.
    assert distance < 1.95 / sqrt(count)


@pytest.mark.parametrize(
    ("text", "come", "go"),
    [
        ("1s", (0, 0, 5), [1, 1, 6]),
        ("1s; slots 1", (0, 0.1, 0.2, 9), [1, 2, 3, 10]),
        ("1s; slots 2", (0, 0.1, 0.2, 0.3), [1, 1.1, 2, 2.1]),
        ("cpu(1s)", (0, 0.5, 5), [1, 2, 6]),
        ("2s; cpu(1s); slots 1", (0, 0), [3, 5]),
        ("1s; at 2s..3s: 4s", (0, 2, 2.9, 3), [1, 6, 6.9, 4]),
        ("1s; slots 1; at 2s..3s: 4s", (0, 1.5, 1.6), [1, 2.5, 6.5]),
        ("1s; at 2s..3s: speed 0.5", (0, 2, 3), [1, 4, 4]),
        ("1s; speed 4; cold 2s: 8x", (0, 2), [2, 2.25]),
        ("1s; gc every 2s: 500ms", (0, 1, 1.6, 3), [1, 2.5, 3, 4.5]),
    ],
)
def test_the_answer_to_a_request_comes_when_the_model_says(text: str, come: tuple[float, ...], go: list[float]) -> None:
    assert finished(backend(text), *come) == go


def test_requests_leave_one_slot_in_the_order_in_which_they_came() -> None:
    arrive = backend("exponential(20ms); slots 1")
    gone = [arrive(number * 0.01)[0] for number in range(500)]
    assert gone == sorted(gone)


def test_failures_have_their_share_and_take_no_slot() -> None:
    arrive = backend("1s; slots 1; fail(25%, 503)")
    answers = [arrive(0.0) for _ in range(4000)]
    failed = [each for each in answers if each == (0.0, 503)]
    assert len(answers) - len(failed) == max(at for at, status in answers if status == OK)
    assert abs(len(failed) - 1000) < 3.3 * sqrt(4000 * 0.25 * 0.75)


def test_a_failure_holds_for_a_time_only() -> None:
    arrive = backend("1s; at 2s..3s: fail(100%, 500, 10ms)")
    assert [arrive(each) for each in (1.0, 2.0, 3.0)] == [(2.0, 200), (2.01, 500), (4.0, 200)]


def test_one_seed_gives_one_sequence() -> None:
    assert [backend("exponential(1s)", seed)(0.0) for seed in (1, 1)] == [backend("exponential(1s)", 1)(0.0)] * 2
    assert backend("exponential(1s)", 1)(0.0) != backend("exponential(1s)", 2)(0.0)


def test_a_replay_gives_the_times_of_its_file_in_turn() -> None:
    assert replayed_paths(read_backend("replay(times); at 1s..2s: replay(slow)")) == {"times", "slow"}
    arrive = backend("replay(times)", times=[1.0, 2.0, 3.0])
    drawn = [arrive(0.0)[0] for _ in range(6)]
    assert sorted(drawn[:3]) == [1.0, 2.0, 3.0]
    assert [*drawn[1:3], drawn[3]] == [*drawn[4:6], drawn[0]]


def test_a_file_of_times_has_one_a_line() -> None:
    assert parse_times("# measured\n0.25\n\n167ms\n 900us \n2s\n", "f") == [0.25, 0.167, pytest.approx(0.0009), 2.0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("167ms\nsoon\n", "f:2: 'soon' is no time such as 0.167, 167ms or 900us"),
        ("-1\n", "f:1: '-1' is no time such as 0.167, 167ms or 900us"),
        ("nan\n", "f:1: 'nan' is no time such as 0.167, 167ms or 900us"),
        ("# none\n", "f: has no times; write one a line, such as 167ms"),
    ],
)
def test_a_file_without_times_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ReplayError) as raised:
        parse_times(text, "f")
    assert str(raised.value) == fault

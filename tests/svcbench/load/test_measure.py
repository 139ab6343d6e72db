"""From the generator's rows to a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import pytest

from svcbench.arrivals import Profile, Schedule, Trace, constant, with_warmup
from svcbench.hdrcodec import encode
from svcbench.histogram import Histogram
from svcbench.load.log import NAMES, Frames, Log, Rows, frame
from svcbench.load.measure import Label, measure, peak_in_flight
from svcbench.load.plan import Plan, plan_text, read_plan, source_of
from svcbench.results import Run, Second

LABEL = Label("svc/web:80", "rr", "kubesvc bench svc/web")
Row = tuple[float, float, float, int, int, int]
"""Due, began, ended, connection, outcome and pod."""


def plan(schedule: Schedule | None, *, seconds: float = 2.0, warmup: float = 0.0) -> Plan:
    return Plan("127.0.0.1", 80, "http", "/", "web", schedule, 2, warmup, seconds, 1)


def log(rows: Sequence[Row], *, seconds: float = 2.0, is_partial: bool = False) -> Log:
    """Return what a generator with these rows has sent, through its own frames."""
    made = Rows()
    for due, began, ended, connection, outcome, pod in rows:
        made.due.append(due)
        made.began.append(began)
        made.ended.append(ended)
        made.connection.append(connection)
        made.outcome.append(outcome)
        made.pod.append(pod)
    end = json.dumps((seconds, is_partial, encode(Histogram([300]))))
    names = json.dumps([*NAMES, "web-1", "web-2"])
    found = Log()
    content = frame(b"N", names.encode()) + frame(b"R", made.tobytes()) + frame(b"E", end.encode())
    frames = Frames()
    for at in range(0, len(content), 7):
        for each in frames.feed(content[at : at + 7]):
            found.take(*each)
    return found


def measured(rows: Sequence[Row], plan: Plan, *, is_partial: bool = False, seconds: float = 2.0) -> Run:
    of = log(rows, is_partial=is_partial, seconds=seconds)
    return measure(of, plan, lambda row: of.names[of.rows.pod[row]] if of.rows.pod[row] else "", LABEL)


ROWS: Sequence[Row] = (
    (0.0, 0.0, 0.010, 0, 0, 3),
    (0.5, 0.9, 1.000, 1, 0, 4),
    (1.0, 1.0, 1.004, 0, 0, 3),
    (1.5, 1.5, 6.500, 1, 1, 4),
)
EVEN = plan(Profile(constant(2, 2)))


def test_latency_counts_from_the_intended_start_and_its_twin_from_the_actual_one() -> None:
    run = measured(ROWS, EVEN)
    assert run.corrected == Histogram([10_000, 500_000, 4000, 5_000_000])
    assert run.uncorrected == Histogram([10_000, 100_000, 4000, 5_000_000])


def test_a_request_that_timed_out_has_a_latency_and_is_an_error() -> None:
    run = measured(ROWS, EVEN)
    assert (run.requests, run.completed, run.errors) == (4, 3, {"timed out": 1})


def test_a_request_that_was_refused_has_no_latency() -> None:
    run = measured([(0.0, 0.0, 0.1, 0, 2, 0)], EVEN)
    assert run.corrected.count == 0
    assert run.errors == {"connection never opened": 1}
    assert (run.generator.refused, run.pods) == (1, {})


def test_the_warm_up_is_not_measured() -> None:
    run = measured(ROWS, plan(Profile(with_warmup(constant(2, 1), 1)), warmup=1.0))
    assert (run.requests, run.seconds, run.warmup) == (2, 1.0, 1.0)
    assert run.seconds_series == (Second(0, 2, 1, 4001, 5_001_215),)


def test_each_second_and_each_pod_has_its_part() -> None:
    run = measured(ROWS, EVEN)
    assert [(each.requests, each.errors) for each in run.seconds_series] == [(2, 0), (2, 1)]
    assert {name: (each.requests, each.errors, each.windows) for name, each in run.pods.items()} == {
        "web-1": (2, 0, (1, 1)),
        "web-2": (2, 1, (1, 1)),
    }


def test_a_pod_that_is_not_known_is_called_so() -> None:
    assert list(measured([(0.0, 0.0, 0.1, 0, 0, 0)], EVEN).pods) == ["unknown"]


def test_a_pod_that_gets_nothing_is_told_with_its_weight() -> None:
    of = log(ROWS[:1])
    run = measure(of, EVEN, lambda _: "web-1", Label("svc/web", "first", "", {"web-1": 3, "web-3": 1}))
    assert {name: (each.requests, each.weight, each.windows) for name, each in run.pods.items()} == {
        "web-1": (1, 3, (1, 0)),
        "web-3": (0, 1, (0, 0)),
    }


def test_the_achieved_rate_is_measured_against_the_schedule() -> None:
    run = measured(ROWS[:3], EVEN)
    assert (run.offered_rate, run.generator.achieved_rate) == (2.0, 1.5)
    assert run.generator.lag_p99 == 300


def test_random_arrivals_are_measured_against_those_that_were_drawn() -> None:
    profile = Profile(constant(2, 2), is_poisson=True)
    drawn = list(profile.times(Random(1)))
    run = measured([(at, at, at + 0.1, 0, 0, 3) for at in drawn], plan(profile))
    assert run.offered_rate == run.generator.achieved_rate == len(drawn) / 2


def test_a_run_that_was_interrupted_is_measured_against_what_was_due() -> None:
    run = measured(ROWS[:2], EVEN, is_partial=True, seconds=1.0)
    assert (run.is_partial, run.seconds, run.offered_rate, run.generator.achieved_rate) == (True, 1.0, 2.0, 2.0)


def test_a_closed_loop_offers_what_it_achieves() -> None:
    run = measured(ROWS, plan(None))
    assert (run.loop, run.offered_rate) == ("closed", 2.0)


def test_a_run_that_is_interrupted_in_its_warm_up_has_measured_nothing() -> None:
    run = measured(ROWS[:1], plan(Profile(constant(2, 2)), warmup=1.0), is_partial=True, seconds=0.5)
    assert (run.seconds, run.requests, run.seconds_series, run.pods) == (0.0, 0, (), {})


def test_a_generator_that_has_not_ended_is_not_measured() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        measure(Log(), EVEN, lambda _: "", LABEL)


@pytest.mark.parametrize(
    ("spans", "most"),
    [([], 0), ([(0, 1)], 1), ([(0, 1), (1, 2)], 1), ([(0, 2), (1, 3), (2, 4)], 2), ([(0, 9), (1, 2), (1, 3)], 3)],
)
def test_the_most_under_way_is_counted(spans: list[tuple[float, float]], most: int) -> None:
    assert peak_in_flight([begin for begin, _ in spans], [end for _, end in spans]) == most


@pytest.mark.parametrize(
    ("connection", "sources", "source"),
    [(0, 0, ""), (0, 1, "127.0.1.1"), (253, 300, "127.0.1.254"), (254, 300, "127.0.2.1"), (301, 300, "127.0.1.2")],
)
def test_connections_come_from_addresses_in_turn(connection: int, sources: int, source: str) -> None:
    assert source_of(connection, sources) == source


@pytest.mark.parametrize(
    "schedule",
    [None, Profile(with_warmup(constant(5, 1), 1), is_poisson=True, text="--rate 5/s"), Trace((0.5, 1.5), 2.0, "x")],
)
def test_a_plan_reaches_another_process_as_it_is(schedule: Schedule | None) -> None:
    sent = read_plan(plan_text(plan(schedule)))
    assert plan_text(sent) == plan_text(plan(schedule))
    if schedule is not None:
        assert sent.schedule is not None
        assert list(sent.schedule.times(Random(3))) == list(schedule.times(Random(3)))

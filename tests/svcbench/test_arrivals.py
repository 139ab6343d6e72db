"""When requests are due: constant, ramps, steps, Poisson and recorded times."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svcbench.arrivals import (
    Profile,
    ScheduleError,
    Segment,
    Trace,
    constant,
    ramp,
    read_ramp,
    read_rate,
    read_steps,
    read_trace,
    steps,
    with_warmup,
)

rates = st.floats(0.5, 100)


def times_of(profile: Profile, seed: int = 1) -> list[float]:
    return list(profile.times(Random(seed)))


def test_a_constant_rate_is_evenly_spaced() -> None:
    assert times_of(Profile(constant(4, 1.5))) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


def test_a_rate_below_one_per_second_has_its_first_arrival_at_once() -> None:
    assert times_of(Profile(constant(0.5, 5))) == [0.0, 2.0, 4.0]


def test_a_ramp_has_as_many_arrivals_as_the_area_below_it() -> None:
    times = times_of(Profile(ramp(100, 300, 2)))
    assert len(times) == 400
    assert sum(each < 1 for each in times) == 150
    assert 1 / (times[1] - times[0]) == pytest.approx(100, rel=0.01)
    assert 1 / (times[-1] - times[-2]) == pytest.approx(300, rel=0.01)


def test_a_ramp_may_begin_or_end_at_nothing() -> None:
    assert times_of(Profile((Segment(1, 0, 8),))) == pytest.approx([0, 0.5, 0.5**0.5, 0.75**0.5])
    assert times_of(Profile((Segment(1, 8, 0),)))[0] == 0


def test_steps_have_equal_lengths() -> None:
    times = times_of(Profile(steps((10, 20, 40), 3)))
    assert [sum(at <= each < at + 1 for each in times) for at in range(3)] == [10, 20, 40]


def test_a_warm_up_goes_before_at_the_rate_of_the_beginning() -> None:
    profile = Profile(with_warmup(ramp(10, 30, 2), 1))
    assert profile.seconds == 3
    assert times_of(profile)[:11] == pytest.approx([at / 10 for at in range(11)])
    assert profile.offered(1) == 20
    assert profile.offered() == pytest.approx(50 / 3)


def test_poisson_arrivals_have_exponential_gaps() -> None:
    gaps = [after - before for before, after in pairwise(times_of(Profile(constant(1000, 20), is_poisson=True), 42))]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(0.001, rel=0.02)
    assert sum(each > mean for each in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.01)
    assert (sum((each - mean) ** 2 for each in gaps) / len(gaps)) ** 0.5 == pytest.approx(mean, rel=0.03)


def test_a_seed_gives_the_same_poisson_arrivals_again() -> None:
    profile = Profile(constant(100, 5), is_poisson=True)
    assert times_of(profile, 7) == times_of(profile, 7) != times_of(profile, 8)


@given(st.lists(st.tuples(st.floats(0.1, 3), rates, rates), min_size=1, max_size=4), st.booleans())
def test_times_ascend_within_the_schedule(parts: list[tuple[float, float, float]], is_poisson: bool) -> None:
    profile = Profile([Segment(*each) for each in parts], is_poisson)
    times = times_of(profile)
    assert all(before <= after + 1e-9 for before, after in pairwise(times))
    assert all(0 <= each < profile.seconds + 1e-9 for each in times)
    if not is_poisson:
        assert abs(len(times) - profile.offered() * profile.seconds) <= 1


def test_recorded_times_are_replayed_until_the_end() -> None:
    trace = Trace((0.0, 0.5, 0.5, 1.5, 9.0), 2.0)
    assert list(trace.times(Random(1))) == [0.0, 0.5, 0.5, 1.5]
    assert (trace.offered(), trace.offered(1.0)) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("text", "rate"), [("500/s", 500), ("500", 500), ("30/m", 0.5), ("1.5/s", 1.5), ("1000000", 1e6), ("1/s", 1)]
)
def test_rates_are_read(text: str, rate: float) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["0", "0/s", "1000001", "-1", "fast", "", "5/h", "nan", "1e9"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match=r"not a rate|above 0"):
        read_rate(text)


def test_ramps_and_steps_are_read() -> None:
    assert read_ramp("100..2000/s") == (100, 2000)
    assert read_ramp("0..60/m") == (0, 1)
    assert read_steps("1,20,3/s") == (1, 20, 3)
    with pytest.raises(ScheduleError, match=r"100\.\.2000"):
        read_ramp("100-2000")
    with pytest.raises(ScheduleError, match="one end of a ramp is above 0"):
        read_ramp("0..0")


def test_a_file_of_times_is_read() -> None:
    assert read_trace(["# recorded on Monday", "0", " 0.25 GET /", "", "0.25"]) == (0, 0.25, 0.25)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "no times"),
        (["0", "x"], "line 2: 'x' is not a time"),
        (["-1"], "line 1"),
        (["inf"], "line 1"),
        (["2", "1"], "line 2: 1 comes after 2"),
    ],
)
def test_a_file_that_has_no_ascending_times_is_refused(lines: list[str], why: str) -> None:
    with pytest.raises(ScheduleError, match=why):
        read_trace(lines)

"""The grammar of schedules, and when they are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from kubeapi.jobspec.crontimes import Calendar, Field
from kubeapi.jobspec.schedule import ScheduleError, load_zone, parse_schedule


def due(schedule: str, after: str, zone: str = "") -> str:
    """Return when a schedule is due next, as UTC time."""
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found = parse_schedule(schedule, ZoneInfo(zone) if zone else None).after(moment)
    return "never" if found is None else datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("*/15 * * * *", "2026-07-09 14:45", "2026-07-09 15:00:00"),
        ("*/15 * * * *", "2026-07-09 14:59:59", "2026-07-09 15:00:00"),
        ("20-35/15 * * * *", "2026-07-09 14:45", "2026-07-09 15:20:00"),
        ("5/20 * * * ?", "2026-07-09 14:26", "2026-07-09 14:45:00"),
        ("0 0 * Feb Mon", "2026-07-09 14:45", "2027-02-01 00:00:00"),
        ("0 0 1 * Fri", "2026-07-09 14:45", "2026-07-10 00:00:00"),
        ("0 0 29 2 ?", "2026-07-09 14:45", "2028-02-29 00:00:00"),
        ("0 0 31 2 *", "2026-07-09 14:45", "never"),
        (", * * * *", "2026-07-09 14:45", "never"),
        ("* , * * *", "2026-07-09 14:45", "never"),
        ("0 0 1 * ,", "2026-07-09 14:45", "2026-08-01 00:00:00"),
        ("0 0 31 * *", "2026-08-31 01:00", "2026-10-31 00:00:00"),
        ("59 23 31 12 *", "2026-12-31 23:59", "2027-12-31 23:59:00"),
        ("0 0 ? * sun", "2026-07-09 14:45", "2026-07-12 00:00:00"),
        ("1,3 5 * * *", "2026-07-09 05:01", "2026-07-09 05:03:00"),
        ("@hourly", "2026-07-09 14:45", "2026-07-09 15:00:00"),
        ("@daily", "2026-07-09 14:45", "2026-07-10 00:00:00"),
        ("@weekly", "2026-07-09 14:45", "2026-07-12 00:00:00"),
        ("@monthly", "2026-07-09 14:45", "2026-08-01 00:00:00"),
        ("@yearly", "2026-07-09 14:45", "2027-01-01 00:00:00"),
        ("@every 1h30m", "2026-07-09 14:45:10", "2026-07-09 16:15:10"),
        ("@every 10ms", "2026-07-09 14:45:10", "2026-07-09 14:45:11"),
        ("TZ=Asia/Tokyo 0 9 * * *", "2026-07-09 14:45", "2026-07-10 00:00:00"),
    ],
)
def test_a_schedule_is_due(schedule: str, after: str, expected: str) -> None:
    assert due(schedule, after) == expected


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        pytest.param("30 2 * * *", "2026-03-08 05:00", "2026-03-09 06:30:00", id="the hour that summer time skips"),
        pytest.param("30 1 * * *", "2026-11-01 05:29", "2026-11-01 05:30:00", id="the hour that comes twice"),
        pytest.param("30 1 * * *", "2026-11-01 05:30", "2026-11-01 06:30:00", id="its second time"),
        pytest.param("0 9 * * *", "2026-07-09 12:00", "2026-07-09 13:00:00", id="in summer"),
        pytest.param("0 9 * * *", "2026-12-09 13:00", "2026-12-09 14:00:00", id="in winter"),
    ],
)
def test_a_schedule_follows_the_clocks_of_its_time_zone(schedule: str, after: str, expected: str) -> None:
    assert due(schedule, after, "America/New_York") == expected


@pytest.mark.parametrize(
    ("zone", "schedule", "after", "expected"),
    [
        # github.com/robfig/cron v3.0.1 said so of each: findings/robfig-cron-lost-days.sh.
        pytest.param("Africa/Cairo", "0 12 * * 5", "2025-04-18 10:00", "2025-05-02 09:00:00", id="no midnight"),
        pytest.param("Africa/Cairo", "0 1 * * 4", "2025-04-23 23:30", "2025-04-24 22:00:00", id="of the day before"),
        pytest.param("America/Santiago", "0 12 * * 0", "2025-09-05 12:00", "2025-09-07 15:00:00", id="and west"),
        pytest.param("Australia/Lord_Howe", "0 12 * * *", "2025-04-05 01:00", "2025-04-07 01:30:00", id="half an hour"),
        pytest.param("Australia/Lord_Howe", "0 12 * * *", "2025-10-04 21:00", "2025-10-05 01:00:00", id="asked later"),
        pytest.param("Antarctica/Troll", "15 1 * * *", "2026-10-25 00:00", "2026-10-26 01:15:00", id="two hours"),
    ],
)
def test_on_days_when_clocks_change_a_schedule_is_due_when_it_is_in_a_cluster(
    zone: str, schedule: str, after: str, expected: str
) -> None:
    assert due(schedule, after, zone) == expected


_LEFT_OUT = datetime(2030, 1, 2, tzinfo=UTC).replace(tzinfo=None)


class _Islands(tzinfo):
    """A zone that leaves out a day, to go from one side of the date line to the other."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        return timedelta(hours=-12 if moment.replace(tzinfo=None) < _LEFT_OUT else 12)

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "islands"

    def fromutc(self, moment: datetime) -> datetime:
        return moment + timedelta(hours=-12 if moment.replace(tzinfo=None) < _LEFT_OUT + timedelta(hours=12) else 12)


def test_a_day_that_the_clocks_leave_out_does_not_end_the_search() -> None:
    numbers = {"minutes": {0}, "hours": {12}, "days": {4}, "months": set(range(1, 13)), "weekdays": set(range(7))}
    fields = {name: Field(frozenset(each), is_star=name == "weekdays") for name, each in numbers.items()}
    found = Calendar(**fields, zone=_Islands()).after(datetime(2029, 12, 31, tzinfo=UTC).timestamp())
    assert found == datetime(2030, 1, 4, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedule", "fault"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/5/2 * * * *", "too many slashes: */5/2"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("TZ=Mars/Base * * * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
        ("TZ=UTC", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
    ],
)
def test_a_malformed_schedule_has_the_parsers_message(schedule: str, fault: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(schedule)
    assert str(caught.value) == fault


@pytest.mark.parametrize("name", ["Nowhere", "../etc/passwd", "Europe", ""])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ScheduleError, match=r"^unknown time zone "):
        load_zone(name)

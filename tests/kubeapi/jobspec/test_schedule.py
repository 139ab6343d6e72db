"""The grammar of schedules, and when they are due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

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

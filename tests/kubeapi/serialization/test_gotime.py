"""Times are read and written as apimachinery v0.37.2 (Go 1.26) does; the messages are those that it gave."""

from __future__ import annotations

import pytest

from kubeapi.serialization.gotime import MICRO_LAYOUT, SECOND_LAYOUT, canonical_time

MICRO = "2006-01-02T15:04:05.000000Z07:00"
SECOND = "2006-01-02T15:04:05Z07:00"


@pytest.mark.parametrize(
    ("layout", "text", "written"),
    [
        (SECOND_LAYOUT, "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
        (SECOND_LAYOUT, "2026-01-01T12:00:00+00:00", "2026-01-01T12:00:00Z"),
        (SECOND_LAYOUT, "2026-01-01T01:30:00+02:00", "2025-12-31T23:30:00Z"),
        (SECOND_LAYOUT, "2024-02-29T1:02:03-07:30", "2024-02-29T08:32:03Z"),
        (SECOND_LAYOUT, "2026-01-01T12:00:00.999Z", "2026-01-01T12:00:00Z"),
        (SECOND_LAYOUT, "2026-01-01T12:00:00,5Z", "2026-01-01T12:00:00Z"),
        (SECOND_LAYOUT, "2026-01-01T12:00:00+24:60", "2025-12-31T11:00:00Z"),
        (SECOND_LAYOUT, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        (SECOND_LAYOUT, "0001-01-01T00:00:00Z", None),
        (MICRO_LAYOUT, "2026-01-01T12:00:00.120000Z", "2026-01-01T12:00:00.120000Z"),
        (MICRO_LAYOUT, "2026-01-01T12:00:00.999999+05:30", "2026-01-01T06:30:00.999999Z"),
    ],
)
def test_a_time_is_written_in_utc(layout: str, text: str, written: str | None) -> None:
    assert canonical_time(text, layout) == written


@pytest.mark.parametrize(
    ("layout", "text", "message"),
    [
        (MICRO_LAYOUT, "2026-01-01T12:00:00Z", f' as "{MICRO}": cannot parse "Z" as ".000000"'),
        (MICRO_LAYOUT, "2026-01-01T12:00:00+00:00", f' as "{MICRO}": cannot parse "+00:00" as ".000000"'),
        (MICRO_LAYOUT, "2026-01-01T12:00:00.123Z", f' as "{MICRO}": cannot parse ".123Z" as ".000000"'),
        (MICRO_LAYOUT, "2026-01-01T12:00:00.123456789Z", f' as "{MICRO}": cannot parse "789Z" as "Z07:00"'),
        (SECOND_LAYOUT, "", f' as "{SECOND}": cannot parse "" as "2006"'),
        (SECOND_LAYOUT, "2026-W01-1", f' as "{SECOND}": cannot parse "W01-1" as "01"'),
        (SECOND_LAYOUT, "20260101T120000Z", f' as "{SECOND}": cannot parse "0101T120000Z" as "-"'),
        (SECOND_LAYOUT, "2026-01-01 12:00:00Z", f' as "{SECOND}": cannot parse " 12:00:00Z" as "T"'),
        (SECOND_LAYOUT, "2026-01-01T12:00Z", f' as "{SECOND}": cannot parse "Z" as ":"'),
        (SECOND_LAYOUT, "2026-01-01T12:00:00", f' as "{SECOND}": cannot parse "" as "Z07:00"'),
        (SECOND_LAYOUT, "2026-01-01T12:00:00+0000", f' as "{SECOND}": cannot parse "+0000" as "Z07:00"'),
        (SECOND_LAYOUT, "2026-13-01T12:00:00Z", ": month out of range"),
        (SECOND_LAYOUT, "2026-02-29T12:00:00Z", ": day out of range"),
        (SECOND_LAYOUT, "2026-01-01T24:00:00Z", ": hour out of range"),
        (SECOND_LAYOUT, "2026-01-01T12:00:00+25:00", ": time zone offset hour out of range"),
        (SECOND_LAYOUT, "2026-02-30T12:00:00Z\\", r': extra text: "\\"'),
    ],
)
def test_what_is_no_time_is_refused_with_gos_message(layout: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match="parsing time") as refused:
        canonical_time(text, layout)
    quoted = text.replace("\\", "\\\\")
    assert str(refused.value) == f'parsing time "{quoted}"{message}'


def test_letters_beyond_ascii_are_told_as_octets() -> None:
    with pytest.raises(ValueError, match="parsing time") as refused:
        canonical_time("é", SECOND_LAYOUT)
    assert str(refused.value) == rf'parsing time "\xc3\xa9" as "{SECOND}": cannot parse "\xc3\xa9" as "2006"'


def test_a_year_that_could_not_be_read_again_is_refused() -> None:
    with pytest.raises(ValueError, match="year outside of range"):
        canonical_time("9999-12-31T23:59:59-01:00", SECOND_LAYOUT)

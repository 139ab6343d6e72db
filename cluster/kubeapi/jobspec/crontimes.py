"""When the five fields of a schedule are due next in a time zone. Pure but for time zones' files.

Follows ``SpecSchedule.Next`` of github.com/robfig/cron/v3 step by step, and ``time.Date`` of Go for times that clocks
skip or show twice: what is due on a day on which the clocks change is what a cluster does, which is not always what the
schedule says. Where summer time begins at midnight, east of Greenwich, a weekday or day of the month that is named is
passed over; where clocks change by half an hour, every hour that is named (findings/robfig-cron-lost-days.sh).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

_YEARS = 5
"""A schedule that is not due within so many years never is (the 31st of February)."""
_DAY = 86400
_HOUR = 3600
_MINUTE = 60


class Field(NamedTuple):
    """The numbers of a field, and whether it begins with a star, and so says nothing."""

    numbers: frozenset[int]
    is_star: bool


class Calendar(NamedTuple):
    """A schedule of five fields in a time zone."""

    minutes: Field
    hours: Field
    days: Field
    months: Field
    weekdays: Field
    zone: tzinfo | None

    def after(self, moment: float) -> float | None:
        """Return the first matching minute after ``moment``; None if there is none within five years.

        In the hour that summer time skips nothing is due; in the hour that comes twice, everything is due twice.
        """
        if not self.minutes.numbers:
            return None  # "," names nothing; the search would look at every minute of five years
        search = _Search(self, int(moment) + 1)
        last = search.clock.year + _YEARS
        while search.clock.year <= last:
            if search.month() and search.day() and search.hour() and search.minute() and search.second():
                return float(search.time)
        return None

    def names_day(self, day: datetime) -> bool:
        """Whether the day of the month *or* that of the week is named; *and* if one of the two begins with a star."""
        in_month, in_week = day.day in self.days.numbers, day.isoweekday() % 7 in self.weekdays.numbers
        if self.days.is_star or self.weekdays.is_star:
            return in_month and in_week
        return in_month or in_week


class _Search:
    """A time that goes on, field by field, to what a calendar names.

    Each step goes on in its own unit until the field is named, and says False when that came to the unit's beginning,
    from where the larger fields are to be looked at again. The first step that goes on clears the smaller fields.
    """

    def __init__(self, calendar: Calendar, start: int) -> None:
        """Begin at ``start``, in seconds since the epoch."""
        self._calendar, self._zone = calendar, calendar.zone or UTC
        self._has_moved = False
        self.time, self.clock = start, datetime.fromtimestamp(start, self._zone)

    def month(self) -> bool:
        while self.clock.month not in self._calendar.months.numbers:
            self._clear(self.clock.replace(day=1, hour=0, minute=0, second=0))
            self._go_to(_instant(self._zone, self.clock, months=1))
            if self.clock.month == 1:
                return False
        return True

    def day(self) -> bool:
        while not self._calendar.names_day(self.clock):
            self._clear(self.clock.replace(hour=0, minute=0, second=0))
            before = self.time
            self._go_to(_instant(self._zone, self.clock, days=1))
            if hour := self.clock.hour:  # there is no midnight
                self._go_to(self.time + (24 - hour if hour > 12 else -hour) * _HOUR)
            if self.time <= before:  # there is no such day: here alone the rule is not the library's
                self._go_to(before + _DAY)
            if self.clock.day == 1:
                return False
        return True

    def hour(self) -> bool:
        while self.clock.hour not in self._calendar.hours.numbers:
            self._clear(self.clock.replace(minute=0, second=0))
            self._go_to(self.time + _HOUR)
            if self.clock.hour == 0:
                return False
        return True

    def minute(self) -> bool:
        while self.clock.minute not in self._calendar.minutes.numbers:
            if not self._has_moved:
                self._has_moved, self.time = True, self.time - self.time % _MINUTE
            self._go_to(self.time + _MINUTE)
            if self.clock.minute == 0:
                return False
        return True

    def second(self) -> bool:
        if past := self.clock.second:
            self._has_moved = True
            self._go_to(self.time + _MINUTE - past)
        return not past

    def _go_to(self, time: int) -> None:
        self.time, self.clock = time, datetime.fromtimestamp(time, self._zone)

    def _clear(self, beginning: datetime) -> None:
        if not self._has_moved:
            self._has_moved = True
            self._go_to(_instant(self._zone, beginning))


def _instant(zone: tzinfo, clock: datetime, months: int = 0, days: int = 0) -> int:
    """Return when clocks show this time, months and days later, in seconds since the epoch, as ``time.Date`` of Go.

    Of a time that is skipped or shown twice, that is what the offset says that holds where ``clock`` is taken for UTC.
    """
    year, month = clock.year + (clock.month - 1 + months) // 12, (clock.month - 1 + months) % 12 + 1
    first = clock.replace(year=year, month=month, day=1, tzinfo=UTC)
    time = int((first + timedelta(days=clock.day - 1 + days)).timestamp())
    if offset := _offset(zone, time):
        return time - _offset(zone, time - offset)
    return time


def _offset(zone: tzinfo, time: int) -> int:
    """Return the seconds by which the clocks of a zone are ahead of UTC at a time."""
    offset = datetime.fromtimestamp(time, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0

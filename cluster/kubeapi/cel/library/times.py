"""Parts of timestamps and durations (cel-go ``common/stdlib``). Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kubeapi.cel.declarations import Function, define
from kubeapi.cel.library.moments import date_of
from kubeapi.cel.values import Duration, Timestamp

_OF_DATES = "timestamp.() int | timestamp.(string) int"
_OF_BOTH = f"{_OF_DATES} | duration.() int"


def _date_part(name: str, part: Callable[[datetime], int]) -> Function:
    return define(name, _OF_DATES, lambda value, zone="": part(date_of(value, zone)))


def _part(name: str, part: Callable[[datetime], int], nanos: int) -> Function:
    def compute(value: Timestamp | Duration, zone: str = "") -> int:
        if isinstance(value, Timestamp):
            return part(date_of(value, zone))
        whole = abs(value.nanos) // nanos
        return -whole if value.nanos < 0 else whole

    return define(name, _OF_BOTH, compute)


def _milliseconds(value: Timestamp | Duration, zone: str = "") -> int:
    if isinstance(value, Timestamp):
        return value.nanos % 10**9 // 10**6
    whole = abs(value.nanos) // 10**6
    return -whole if value.nanos < 0 else whole


TIMES: tuple[Function, ...] = (
    _date_part("getFullYear", lambda date: date.year),
    _date_part("getMonth", lambda date: date.month - 1),
    _date_part("getDayOfYear", lambda date: date.timetuple().tm_yday - 1),
    _date_part("getDayOfMonth", lambda date: date.day - 1),
    _date_part("getDate", lambda date: date.day),
    _date_part("getDayOfWeek", lambda date: (date.weekday() + 1) % 7),
    _part("getHours", lambda date: date.hour, 3600 * 10**9),
    _part("getMinutes", lambda date: date.minute, 60 * 10**9),
    _part("getSeconds", lambda date: date.second, 10**9),
    define("getMilliseconds", _OF_BOTH, _milliseconds),
)

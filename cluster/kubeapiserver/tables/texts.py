"""Texts that cells of tables share: time spans, selectors, addresses, lists that are cut. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from kubeapi.meta import parse_time

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"
SHOWN = 3
"""Items of a list that a cell shows; of the others it shows the number."""

_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 86400 * 365


class _Span(NamedTuple):
    """Below ``end`` seconds a time span is written in ``unit`` and, where there is one, ``small_unit``."""

    end: float
    seconds: int
    unit: str
    small_seconds: int = 1
    small_unit: str = ""


_SPANS = (
    _Span(2 * _MINUTE, 1, "s"),
    _Span(10 * _MINUTE, _MINUTE, "m", 1, "s"),
    _Span(3 * _HOUR, _MINUTE, "m"),
    _Span(8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    _Span(2 * _DAY, _HOUR, "h"),
    _Span(8 * _DAY, _DAY, "d", _HOUR, "h"),
    _Span(2 * _YEAR, _DAY, "d"),
    _Span(8 * _YEAR, _YEAR, "y", _DAY, "d"),
    _Span(float("inf"), _YEAR, "y"),
)
"""HumanDuration of apimachinery ``pkg/util/duration``."""


def human_duration(seconds: float) -> str:
    """Return a time span as kubectl shows it."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    span = next(each for each in _SPANS if whole < each.end)
    rest = whole % span.seconds // span.small_seconds if span.small_unit else 0
    return f"{whole // span.seconds}{span.unit}" + (f"{rest}{span.small_unit}" if rest else "")


@lru_cache(maxsize=256)  # the rows of one table share the time, and many of them their second
def since(timestamp: str | None, now: float) -> str:
    """Return how long ago a timestamp was."""
    if not timestamp:
        return UNKNOWN
    try:
        return human_duration(now - parse_time(timestamp))
    except ValueError:
        return UNKNOWN


def pairs(values: dict[str, str]) -> str:
    """Return a map as ``a=b,c=d``, sorted by key."""
    return ",".join(f"{name}={value}" for name, value in sorted(values.items())) or NONE


def first_of(items: Sequence[str]) -> str:
    """Return the first few items, and how many more there are."""
    more = f" + {len(items) - SHOWN} more..." if len(items) > SHOWN else ""
    return ",".join(items[:SHOWN]) + more


def access_modes(modes: Sequence[str]) -> str:
    """Return the access modes of a claim or volume in short, each once, in the order of their names in Kubernetes."""
    return ",".join(short for mode, short in _ACCESS_MODES.items() if mode in modes)

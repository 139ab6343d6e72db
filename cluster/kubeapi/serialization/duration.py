"""Durations as Go writes them: ``300ms``, ``1m30s``, ``1.5h`` (Go's time.ParseDuration, without sign)."""

from __future__ import annotations

import re

_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float | None:
    """Return the seconds of a duration, None if the text is none; ``0`` needs no unit."""
    if text == "0":
        return 0.0
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def parse_seconds(text: str) -> float | None:
    """Return the seconds of a duration or of a plain number of seconds, None if the text is neither."""
    return parse_duration(f"{text}s" if text[-1:].isdigit() else text)

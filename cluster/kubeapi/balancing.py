"""The options of balancing algorithms: what the annotation ``kubesvc.dev/balancer-options`` may say. Pure.

The API server refuses what is wrong when a Service is written; the proxy, which declares the options, reads them here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

from kubeapi.serialization.duration import parse_duration
from kubeapi.similar import did_you_mean

Value = bool | int | float | str

_ELSEWHERE = {
    "fastest": "peak_ewma",  # F5
    "least_response_time": "peak_ewma",  # Citrix
    "least_time": "peak_ewma",  # nginx Plus
    "observed": "peak_ewma",  # F5
}
"""What other programs call an algorithm, where the name itself does not resemble it."""


def meant_balancer(name: str, known: Collection[str]) -> str:
    """Return the question with the algorithm that somebody probably meant, "" if none is likely."""
    meant = _ELSEWHERE.get(name.lower().replace("-", "_"), "")
    return did_you_mean(meant if meant in known else name, known)


def no_fault(value: Any) -> str:
    """Refuse no value."""
    del value
    return ""


def duration_fault(text: str) -> str:
    """Return what is wrong with a duration of an option, "" if nothing is."""
    seconds = parse_duration(text)
    return "" if seconds is not None and seconds >= 0 else 'must be a duration such as "20s" or "1m30s"'


class Option(NamedTuple):
    """One option; its type is that of ``default``, its bounds both included. ``allowed`` are the values of a text.

    Where an allowed value ends with ``:NAME``, that is any word that can name a header or a cookie. A number with a
    fraction may be written without one. ``meaning`` is a clause for the table of proxy/balancing-options.md. ``check``
    returns what is wrong with a value of the right type and within the bounds, "" if nothing is. ``needs`` is the
    option without which it has no effect. ``above`` and ``at_least`` name an option that has a number which it must be
    above, or not below.
    """

    name: str
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()
    check: Callable[[Any], str] = no_fault
    needs: str = ""
    above: str = ""
    at_least: str = ""

    def fault(self, value: object) -> str:
        """Return what is wrong with a value, "" if nothing is."""
        kind = type(self.default)
        # To Python a bool is an int as well.
        if isinstance(value, bool) is not (kind is bool) or not isinstance(value, _KINDS[kind]):
            return f"must be {_WORDS[kind]}"
        if self.allowed and not self._is_allowed(value):
            return f"supported values: {', '.join(self.allowed)}"
        if isinstance(value, int | float) and not isinstance(value, bool) and (fault := self._bounds(value)):
            return fault
        return self.check(value)

    def _is_allowed(self, value: object) -> bool:
        start, colon, name = str(value).partition(":")
        form = f"{start}:NAME" if colon and TOKEN.fullmatch(name) else value
        return form in self.allowed

    def _bounds(self, value: float) -> str:
        low, high = self.low, self.high
        if (low is None or value >= low) and (high is None or value <= high) and not isnan(value):
            return ""
        if low is not None and high is not None:
            return f"must be between {_number(low)} and {_number(high)}, inclusive"
        return f"must be at least {_number(low)}" if low is not None else f"must be at most {_number(high or 0)}"


def _number(value: float) -> str:
    """Return a number as a user writes it: 8388608, 0.5."""
    return str(int(value)) if value == int(value) else str(value)


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What can name a header or a cookie (RFC 9110 5.6.2)."""

_KINDS: dict[type, type | tuple[type, ...]] = {bool: bool, int: int, float: (int, float), str: str}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class OptionsError(ValueError):
    """Wrong options; ``faults`` has the name of each ("" for the whole text) and what is wrong with it."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {what}" if name else what for name, what in faults))
        self.faults = faults


def read_options(text: str, known: Sequence[Option]) -> dict[str, Value]:
    """Return every known option with its value in a JSON object, or its default; OptionsError if one is wrong."""
    written = _parse(text) if text else {}
    by_name = {each.name: each for each in known}
    faults = [(name, fault) for name in written if (fault := _fault(name, written, by_name))]
    if faults:
        raise OptionsError(faults)
    values = {name: _typed(written.get(name, each.default), each) for name, each in by_name.items()}
    if faults := [(each.name, fault) for each in known if (fault := _order_fault(each, values))]:
        raise OptionsError(faults)
    return values


def _parse(text: str) -> dict[str, object]:
    try:
        written = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OptionsError([("", f"must be a JSON object: {error}")]) from None
    if not isinstance(written, dict):
        raise OptionsError([("", 'must be a JSON object, such as {"choices": 3}')])
    return written


def _fault(name: str, written: Mapping[str, object], known: Mapping[str, Option]) -> str:
    if name not in known:
        return "".join(_unknown(name, sorted(known)))
    needed = known[name].needs
    if needed and needed not in written:
        return f'has no effect without "{needed}"'
    return known[name].fault(written[name])


def _order_fault(option: Option, values: Mapping[str, Value]) -> str:
    """Return what is wrong with a value beside that of another option, "" if nothing is."""
    value, other = values[option.name], option.above or option.at_least
    if not other or float(value) > float(values[other]) or (option.at_least and value == values[other]):
        return ""
    return f'must be {"above" if option.above else "at least"} "{other}", which is {values[other]}'


def _unknown(name: str, known: Sequence[str]) -> Iterator[str]:
    yield "unknown option"
    if question := did_you_mean(name, known):
        yield f", {question}"
    yield f"; supported options: {', '.join(known)}" if known else "; this algorithm has no options"


def _typed(value: object, option: Option) -> Value:
    assert isinstance(value, bool | int | float | str)
    return float(value) if isinstance(option.default, float) else value


HASH_ON = "hash_on"
"""The option of every algorithm that hashes, made by ``hash_on``."""

_HTTP_PARTS = ("header", "cookie", "query", "path")
_HASHED = ("source", "source_port", "destination", "header:NAME", "cookie:NAME", "query:NAME", "path")


def hash_on(default: str = "source") -> Option:
    """Return the option that says what an algorithm hashes; a request without it is hashed by its source."""
    return Option(HASH_ON, default, "what is hashed; where a request does not have it, its source", allowed=_HASHED)


class HttpPart(NamedTuple):
    """A part of an HTTP request: ``kind`` is header, cookie, query or path, ``name`` "" for a path."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else self.kind


def http_part(hashed: str) -> HttpPart | None:
    """Return the part of a request that a value of ``hash_on`` names, None if it is not of HTTP."""
    kind, _, name = hashed.partition(":")
    return HttpPart(kind, name) if kind in _HTTP_PARTS else None

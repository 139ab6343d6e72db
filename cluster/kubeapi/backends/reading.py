"""Reads the text of a backend's behaviour, such as ``lognormal(20ms, 0.5); at 15s..45s: 2s; slots 8``. Pure.

model:  term (";" term)*
term:   time | "slots" COUNT | "cpu(" DURATION ")" | "speed" NUMBER | failure | "cold" DURATION ":" NUMBER "x"
        | "gc every" DURATION ":" DURATION | "at" DURATION ".." DURATION ":" (time | "speed" NUMBER | failure)
        | "seed" COUNT
time:   DURATION | "constant(" DURATION ")" | "exponential(" DURATION ")" | "lognormal(" DURATION "," NUMBER ")"
        | "normal(" DURATION "," DURATION ")" | "uniform(" DURATION "," DURATION ")"
        | "pareto(" DURATION "," NUMBER ")" | "replay(" PATH ")"
failure: "fail(" SHARE ["," STATUS ["," time]] ")"        SHARE: 1% or 0.01; STATUS: 500 by default
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeapi.backends.model import BackendModel, Change, Distribution, Failure
from kubeapi.backends.scanner import ModelError, Scanner

__all__ = ["ModelError", "read_backend"]

_DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "constant": ("time",),
    "exponential": ("time",),
    "lognormal": ("time", "number"),
    "normal": ("time", "time"),
    "uniform": ("time", "time"),
    "pareto": ("time", "number"),
}
_TIMES = (
    "a time (20ms, constant(20ms), exponential(20ms), lognormal(20ms, 0.5), normal(167ms, 5ms), uniform(10ms, 30ms), "
    "pareto(10ms, 1.5), replay(FILE))"
)
_TERMS = (
    f"{_TIMES}, slots 8, cpu(5ms), speed 0.5, fail(1%, 503), cold 5s: 3x, gc every 2s: 50ms, at 15s..45s: 2s or seed 7"
)
_AT_ONCE = Distribution("constant", (0.0,))


def read_backend(text: str) -> BackendModel:
    """Return the behaviour that a text says; ModelError."""
    return _Reader(text).model()


class _Reader:
    """Reads terms; ``_said`` has the fields of the model that were said."""

    def __init__(self, text: str) -> None:
        self._scanner = Scanner(text)
        self._said: dict[str, Any] = {}
        self._changes: list[Change] = []
        self._terms: Mapping[str, Callable[[], Mapping[str, object]]] = {
            "slots": lambda: {"slots": self._scanner.count("a number of slots", 1)},
            "cpu": self._cpu,
            "speed": lambda: {"speed": self._speed()},
            "fail": lambda: {"failure": self._failure()},
            "cold": self._cold,
            "gc": self._pauses,
            "at": self._change,
            "seed": lambda: {"seed": self._scanner.count("a whole number", 0)},
        }

    def model(self) -> BackendModel:
        self._term()
        while self._scanner.take(";"):
            if not self._scanner.is_over:
                self._term()
        if not self._scanner.is_over:
            raise self._scanner.expected('";" or the end')
        if "time" not in self._said and "cpu" not in self._said:
            raise ModelError(f"the time that requests take is missing: {_TIMES} or cpu(5ms)")
        return BackendModel(**{"time": _AT_ONCE, **self._said}, changes=tuple(self._changes))

    def _term(self) -> None:
        begin = self._scanner.at
        word = self._scanner.word()
        if word in self._terms:
            fields = self._terms[word]()
        else:
            self._scanner.at = begin
            word, fields = "the time", {"time": self._time(_TERMS)}
        if self._said.keys() & fields.keys():
            raise self._scanner.fault(f"{word} is said twice", begin)
        self._said.update(fields)

    def _cpu(self) -> Mapping[str, object]:
        self._scanner.need("(")
        seconds = self._scanner.duration()
        self._scanner.need(")")
        return {"cpu": seconds}

    def _cold(self) -> Mapping[str, object]:
        seconds = self._scanner.duration()
        self._scanner.need(":")
        factor = self._scanner.number("a factor such as 3x", 1.0)
        self._scanner.need("x")
        return {"cold_seconds": seconds, "cold_factor": factor}

    def _pauses(self) -> Mapping[str, object]:
        self._scanner.need("every")
        every = self._scanner.duration()
        self._scanner.need(":")
        at = self._scanner.at
        pause = self._scanner.duration()
        if not pause < every:
            raise self._scanner.fault("a pause must be shorter than the time from one to the next", at)
        return {"pause_every": every, "pause_seconds": pause}

    def _change(self) -> Mapping[str, object]:
        begin = self._scanner.duration()
        self._scanner.need("..")
        at = self._scanner.at
        end = self._scanner.duration()
        if not begin < end:
            raise self._scanner.fault("the end must come after the begin", at)
        self._scanner.need(":")
        self._changes.append(Change(begin, end, **self._instead()))
        return {}

    def _instead(self) -> dict[str, Any]:
        begin = self._scanner.at
        match self._scanner.word():
            case "speed":
                return {"speed": self._speed()}
            case "fail":
                return {"failure": self._failure()}
        self._scanner.at = begin
        return {"time": self._time(f"{_TIMES}, speed 0.5 or fail(1%, 503)")}

    def _failure(self) -> Failure:
        scanner = self._scanner
        scanner.need("(")
        at = scanner.at
        share = scanner.number("a share such as 1%", 0.0) / (100 if scanner.take("%") else 1)
        if share > 1:
            raise scanner.fault("a share must be at most 100% (1)", at)
        if not scanner.take(","):
            scanner.need(")")
            return Failure(share, 500, _AT_ONCE)
        at = scanner.at
        status = scanner.count("an HTTP status such as 503", 0)
        if not 200 <= status <= 599:
            raise scanner.fault("an HTTP status must be between 200 and 599, inclusive", at)
        time = self._time(_TIMES) if scanner.take(",") else _AT_ONCE
        scanner.need(")")
        return Failure(share, status, time)

    def _speed(self) -> float:
        return self._scanner.number("a speed such as 0.5", 0.001)

    def _time(self, expected: str) -> Distribution:
        scanner = self._scanner
        if scanner.has_duration():
            return Distribution("constant", (scanner.duration(),))
        begin = scanner.at
        word = scanner.word()
        if word != "replay" and word not in _DISTRIBUTIONS:
            scanner.at = begin
            raise scanner.expected(expected)
        scanner.need("(")
        made = (
            Distribution(word, (), scanner.path()) if word == "replay" else Distribution(word, self._parameters(word))
        )
        scanner.need(")")
        if word == "uniform" and made.parameters[0] > made.parameters[1]:
            raise scanner.fault("uniform(low, high): low is above high", begin)
        return made

    def _parameters(self, word: str) -> tuple[float, ...]:
        parameters = []
        for number, kind in enumerate(_DISTRIBUTIONS[word]):
            if number:
                self._scanner.need(",")
            is_time = kind == "time"
            parameters.append(self._scanner.duration() if is_time else self._scanner.number("a number", 0.1, 10))
        return tuple(parameters)

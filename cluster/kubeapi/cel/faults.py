"""What is wrong with an expression, and how Kubernetes shows it (cel-go ``common/error.go``). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """A fault at a position of the text, in characters from 0; -1 for one of the whole."""

    at: int
    message: str


class CompilationError(Exception):
    """An expression that cannot be evaluated; the text shows each fault with its place."""

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda each: each.at)
        super().__init__("\n".join(_shown(source, each) for each in self.faults))


class EvaluationError(Exception):
    """An expression that has no value for what it was given."""


def no_such_key(key: object) -> EvaluationError:
    """Return the error of a field or key that is not there."""
    return EvaluationError(f"no such key: {key}")


def _shown(source: str, fault: Fault) -> str:
    if fault.at < 0:
        return f"ERROR: <input>:-1:0: {fault.message}"
    before = source[: fault.at]
    line, column = before.count("\n"), fault.at - (before.rfind("\n") + 1)
    text = source.split("\n")[line].replace("\t", " ")
    dots = "".join("\uff0e" if ord(each) > 0x7F else "." for each in text[:column])
    mark = "\uff3e" if column < len(text) and ord(text[column]) > 0x7F else "^"
    return f"ERROR: <input>:{line + 1}:{column + 1}: {fault.message}\n | {text}\n | {dots}{mark}"

"""JSONPath as printer columns and selectable fields use it (client-go ``util/jsonpath``). Pure.

Fields, ``[0]``, slices, ``[*]``, ``['a']``, unions, ``..`` and filters ``[?(@.a=="b")]``; not ``range``, which prints.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[Any], Iterator[Any]]
"""Yields the values that a step of a path leads to from one value."""

_NAME = re.compile(r"(?:[^.\[\]\\]|\\.)+", re.DOTALL)
_SLICE = re.compile(r"(-?\d*)(?::(-?\d*))?(?::(-?\d*))?")
_FILTER = re.compile(r"""\?\(\s*(.+?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?)\s*)?\)""", re.DOTALL)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class JSONPathError(ValueError):
    """The text is no path."""


def parse_path(text: str) -> Callable[[Any], list[Any]]:
    """Return the function that finds all values of a path such as ``.spec.ports[0].port``; JSONPathError."""
    steps = list(_steps(text.strip().removeprefix("{").removesuffix("}").removeprefix("$").removeprefix("@")))

    def find(value: Any) -> list[Any]:
        values = [value]
        for step in steps:
            values = [found for each in values for found in step(each)]
        return values

    return find


def _steps(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        if text.startswith("..", at):
            yield _everything
            at += 1 if text[at + 2 : at + 3] != "[" else 2
        elif text[at] == "[":
            end = _closing(text, at)
            yield _bracket(text[at + 1 : end].strip())
            at = end + 1
        else:
            at += text[at] == "."
            if at == len(text):
                return
            if text[at] == "[":
                continue
            found = _NAME.match(text, at)
            if found is None:
                raise JSONPathError(f"unrecognized character in path at {at}: {text}")
            yield _field(re.sub(r"\\(.)", r"\1", found[0]))
            at = found.end()


def _closing(text: str, begin: int) -> int:
    """Return where the bracket at ``begin`` closes; brackets in quotes do not count."""
    depth, quote, at = 0, "", begin
    while at < len(text):
        each = text[at]
        if quote:
            at += each == "\\"
            quote = "" if each == quote else quote
        elif each in "'\"":
            quote = each
        elif each in "[]":
            depth += 1 if each == "[" else -1
            if not depth:
                return at
        at += 1
    raise JSONPathError(f"unterminated array: {text}")


def _bracket(text: str) -> Step:
    if text.startswith("?"):
        return _filter(text)
    if text == "*":
        return _children
    if "," in text:
        steps = [_bracket(each.strip()) for each in text.split(",")]
        return lambda value: (found for step in steps for found in step(value))
    if text[:1] in ("'", '"') and text[-1:] == text[0] and len(text) > 1:
        return _field(text[1:-1])
    found = _SLICE.fullmatch(text)
    if found is None or not text:
        raise JSONPathError(f"invalid array index {text}")
    return _items(found, is_slice=":" in text)


def _items(found: re.Match[str], *, is_slice: bool) -> Step:
    begin, end, stride = (int(each) if each else None for each in found.groups())

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            if is_slice:
                yield from value[begin:end:stride]
            elif begin is not None and -len(value) <= begin < len(value):
                yield value[begin]

    return step


def _field(name: str) -> Step:
    if name == "*":
        return _children

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _everything(value: Any) -> Iterator[Any]:
    yield value
    for each in _children(value):
        yield from _everything(each)


def _filter(text: str) -> Step:
    found = _FILTER.fullmatch(text)
    if found is None:
        raise JSONPathError(f"invalid filter {text}")
    left, right = _operand(found[1]), _operand(found[3]) if found[2] else None
    compare = _COMPARISONS.get(found[2])

    def step(value: Any) -> Iterator[Any]:
        for each in value if isinstance(value, list) else ():
            lefts = left(each)
            if right is None or compare is None:
                if lefts:
                    yield each
            elif lefts and (rights := right(each)) and _holds(compare, lefts[0], rights[0]):
                yield each

    return step


def _holds(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    try:
        return compare(left, right)
    except TypeError:
        return False


def _operand(text: str) -> Callable[[Any], list[Any]]:
    if text.startswith(("@", "$")):
        return parse_path(text)
    if text[:1] in ("'", '"') and text[-1:] == text[0]:
        return lambda _: [text[1:-1]]
    try:
        constant = json.loads(text)
    except ValueError:
        raise JSONPathError(f"invalid filter operand {text}") from None
    return lambda _: [constant]

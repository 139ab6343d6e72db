"""Label selectors as text, parsed into predicates on objects (apimachinery ``pkg/labels/selector.go``). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from kubeapi.meta import JSON, labels_of
from kubeapi.validation.names import label_value, qualified_name

Matches = Callable[[JSON], bool]
"""Tells whether an object is selected."""

_SYMBOL_OR_WORD = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt", "<", ">")
_SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""


class SelectorError(ValueError):
    """The text is no label selector; the message is apimachinery's."""


def parse_labels(text: str) -> list[Matches]:
    """Return a predicate for each requirement of a label selector; SelectorError."""
    return _LabelParser(text).parse() if text.strip() else []


class _LabelParser:
    """Recursive descent over the parts of a label selector."""

    def __init__(self, text: str) -> None:
        self._symbols: list[str] = [*_SYMBOL_OR_WORD.findall(text), _END]
        self._at = 0

    def parse(self) -> list[Matches]:
        requirements = []
        while True:
            symbol = self._peek()
            if symbol != "!" and symbol in _SYMBOLS:
                raise SelectorError(f"found '{symbol}', expected: !, identifier, or 'end of string'")
            requirements.append(self._requirement())
            match self._next():
                case ",":
                    if self._peek() == _END or (self._peek() != "!" and self._peek() in _SYMBOLS):
                        raise SelectorError(f"found '{self._peek()}', expected: identifier after ','")
                case "":
                    return requirements
                case symbol:
                    raise SelectorError(f"found '{symbol}', expected: ',' or 'end of string'")

    def _peek(self) -> str:
        return self._symbols[self._at]

    def _next(self) -> str:
        symbol = self._symbols[self._at]
        self._at += symbol != _END
        return symbol

    def _requirement(self) -> Matches:
        is_absence = self._peek() == "!"
        if is_absence:
            self._next()
        label = self._next()
        if label in _SYMBOLS or not label:
            raise _unparsable(f"found '{label}', expected: identifier")
        for fault in qualified_name(label):
            raise _unparsable(f'key: Invalid value: "{label}": {fault}')
        if is_absence:
            return lambda obj: label not in labels_of(obj)
        if self._peek() in (_END, ","):
            return lambda obj: label in labels_of(obj)
        operator = self._next()
        if operator not in _OPERATORS:
            raise _unparsable(f"found '{operator}', expected: {_EXPECTED_OPERATORS}")
        return self._comparison(label, operator)

    def _comparison(self, label: str, operator: str) -> Matches:
        values = self._values() if operator in ("in", "notin") else [self._exact_value()]
        if operator in ("gt", "lt", ">", "<"):
            return _order(label, operator, values[0])
        for index, value in enumerate(values):
            for fault in label_value(value):
                raise _unparsable(f'values[{index}][{label}]: Invalid value: "{value}": {fault}')
        if operator in ("notin", "!="):
            return lambda obj: labels_of(obj).get(label) not in values
        return lambda obj: labels_of(obj).get(label) in values

    def _exact_value(self) -> str:
        if self._peek() in (_END, ","):
            return ""
        value = self._next()
        if value in _SYMBOLS:
            raise _unparsable(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> list[str]:
        symbol = self._next()
        if symbol != "(":
            raise _unparsable(f"found '{symbol}' expected: '('")
        values: list[str] = []
        value = ""
        while (symbol := self._next()) != ")":
            if symbol == ",":
                values.append(value)
                value = ""
            elif symbol in _SYMBOLS or not symbol or value:
                raise _unparsable(f"found '{symbol}', expected: ',', ')' or identifier")
            else:
                value = symbol
        return [*values, value]


def _unparsable(detail: str) -> SelectorError:
    return SelectorError(f"unable to parse requirement: {detail}")


def _order(label: str, operator: str, text: str) -> Matches:
    bound = _integer(text)
    if bound is None:
        raise _unparsable(
            f"values[0][{label}]: Invalid value: \"{text}\": for 'Gt', 'Lt' operators, must be an integer"
        )
    is_greater = operator in ("gt", ">")

    def matches(obj: JSON) -> bool:
        value = _integer(labels_of(obj).get(label, ""))
        return value is not None and (value > bound if is_greater else value < bound)

    return matches


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text, re.ASCII) else None

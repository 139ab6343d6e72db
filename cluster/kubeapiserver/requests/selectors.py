"""Parse labelSelector and fieldSelector into predicates on objects. Pure.

Labels follow apimachinery ``pkg/labels/selector.go`` (with its messages), fields ``pkg/fields/selector.go`` and the
field labels that each kind's conversion allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from kubeapi.customresources.conversion import as_seen
from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, labels_of
from kubeapi.scheme import Resource
from kubeapi.validation.names import label_value, qualified_name
from kubeapiserver.errors import BadInput

Matches = Callable[[JSON], bool]
"""Tells whether an object is selected."""

_SYMBOL_OR_WORD = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt", "<", ">")
_SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""


def select(resource: Resource, labels: str, fields: str) -> Matches | None:
    """Return the predicate of both selectors, None if they select everything; BadInput for a malformed one."""
    predicates = [*parse_labels(labels), *parse_fields(resource, fields)]
    if not predicates:
        return None
    if len(predicates) == 1:
        return predicates[0]
    return lambda obj: all(each(obj) for each in predicates)


def parse_labels(text: str) -> list[Matches]:
    """Return a predicate for each requirement of a label selector."""
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
                raise BadInput(f"found '{symbol}', expected: !, identifier, or 'end of string'")
            requirements.append(self._requirement())
            match self._next():
                case ",":
                    if self._peek() == _END or (self._peek() != "!" and self._peek() in _SYMBOLS):
                        raise BadInput(f"found '{self._peek()}', expected: identifier after ','")
                case "":
                    return requirements
                case symbol:
                    raise BadInput(f"found '{symbol}', expected: ',' or 'end of string'")

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


def _unparsable(detail: str) -> BadInput:
    return BadInput(f"unable to parse requirement: {detail}")


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


def parse_fields(resource: Resource, text: str) -> list[Matches]:
    """Return a predicate for each term of a field selector."""
    return [_field_term(resource, term) for term in _split_terms(text) if term]


def _split_terms(text: str) -> list[str]:
    """Split at the commas that no backslash escapes."""
    return re.findall(r"(?:[^,\\]|\\.)+", text, re.DOTALL)


def _field_term(resource: Resource, term: str) -> Matches:
    found = re.search(r"!=|==|=", term)
    if found is None:
        raise BadInput(f"invalid selector: '{term}'; can't understand '{term}'")
    field = term[: found.start()]
    wanted = _unescape(term[found.end() :])
    allowed = (
        "metadata.name",
        *(("metadata.namespace",) if resource.namespaced else ()),
        *kind_of(resource).field_labels,
    )
    if field not in allowed:
        raise BadInput(f"field label not supported: {field}")
    return _comparing(resource, _paths_of(field), wanted, is_equal=found[0] != "!=")


def _comparing(resource: Resource, paths: Sequence[Sequence[str]], wanted: str, *, is_equal: bool) -> Matches:
    """Return the predicate of a field, which is read in the version that is asked for."""
    if paths[0][0] == "metadata" or not isinstance(resource, CustomResource):
        return lambda obj: (_first_text(obj, paths) == wanted) == is_equal
    return lambda obj: (_first_text(as_seen(resource, obj), paths) == wanted) == is_equal


def escaped(value: str) -> str:
    """Return a value escaped for a field selector."""
    return re.sub(r"([\\,=])", r"\\\1", value)


def _unescape(text: str) -> str:
    """Return the value of a term; only comma, equals sign and backslash can be escaped."""
    if re.search(r"(?<!\\)(?:\\\\)*(?:=|\\[^,=\\])", text):
        raise BadInput(f"invalid field selector: invalid escape sequence: {text}")
    return re.sub(r"\\([,=\\])", r"\1", text)


_PATHS: dict[str, Sequence[Sequence[str]]] = {
    "source": (("source", "component"), ("reportingComponent",)),
    "status.successful": (("status", "succeeded"),),
}
"""Where the fields are that a selector names differently; of several the first that is not empty counts."""


def _paths_of(field: str) -> Sequence[Sequence[str]]:
    return _PATHS.get(field) or (field.split("."),)


def _first_text(obj: JSON, paths: Sequence[Sequence[str]]) -> str:
    return next((text for each in paths if (text := _text_at(obj, each))), "")


def _text_at(obj: JSON, path: Sequence[str]) -> str:
    """Return a field's value as text; an absent field is "", or the zero of the few that are no texts."""
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or (value is None and path[-1] in ("unschedulable", "hostNetwork")):
        return "true" if value else "false"
    if value is None and path[-1] == "succeeded":
        return "0"
    return "" if value is None else str(value)

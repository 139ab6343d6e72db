"""Parse labelSelector and fieldSelector into predicates on objects. Pure.

Labels are parsed by ``kubeapi.selectors.parsing``; fields follow ``pkg/fields/selector.go`` and the
field labels that each kind's conversion allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kubeapi.customresources.conversion.versions import as_seen
from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.selectors import parsing
from kubeapi.selectors.parsing import Matches, SelectorError
from kubeapiserver.errors import BadInput


def select(resource: Resource, labels: str, fields: str) -> Matches | None:
    """Return the predicate of both selectors, None if they select everything; BadInput for a malformed one."""
    predicates = [*parse_labels(labels), *parse_fields(resource, fields)]
    if not predicates:
        return None
    if len(predicates) == 1:
        return predicates[0]
    return lambda obj: all(each(obj) for each in predicates)


def parse_labels(text: str) -> list[Matches]:
    """Return a predicate for each requirement of a label selector; BadInput."""
    try:
        return parsing.parse_labels(text)
    except SelectorError as error:
        raise BadInput(str(error)) from None


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

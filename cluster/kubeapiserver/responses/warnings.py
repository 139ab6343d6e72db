"""Warning headers of answers. Pure. Follows apiserver ``pkg/endpoints/filters/warning.go``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from kubeapiserver.messages import Answer, Response, Watch

A = TypeVar("A", bound=Answer)

WARNINGS_LIMIT, WARNING_LIMIT = 4096, 256
"""Characters of all warnings together, and of each of them if there are more."""


def with_warnings(response: A, warnings: Sequence[str]) -> A:
    """Return an answer with a Warning header for every text (RFC 7234 5.5, code 299); sessions have no headers."""
    if not warnings or not isinstance(response, Response | Watch):
        return response
    headers = [("Warning", f"299 - {_quoted(each)}") for each in _bounded(list(dict.fromkeys(warnings)))]
    return cast("A", response._replace(headers=(*response.headers, *headers)))


def _bounded(warnings: list[str]) -> list[str]:
    """Return the warnings, each cut and only the first ones if they are too long together."""
    if sum(len(each) for each in warnings) <= WARNINGS_LIMIT:
        return warnings
    count = WARNINGS_LIMIT // WARNING_LIMIT
    return [each[:WARNING_LIMIT] for each in warnings[:count]]


def _quoted(text: str) -> str:
    """Return a text as a quoted-string, with spaces in place of unprintable characters."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'

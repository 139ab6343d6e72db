"""What balancing reads of a request: the part that is hashed, and the affinity cookie. Pure.

Only Service ports that ask for it have a ``PartReader``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kubeapi.balancing import HttpPart
from kubeproxy.http.requesthead import Request
from kubeproxy.telemetry.recent import RequestRecord

Read = Callable[[Request], str]


class PartReader:
    """Writes into a request's record what its Service port balances by."""

    __slots__ = ("_cookie", "_hashed")

    def __init__(self, hashed: HttpPart | None, cookie: str) -> None:
        self._hashed = part_reader(hashed) if hashed else None
        self._cookie = part_reader(HttpPart("cookie", cookie)) if cookie else None

    def read(self, request: Request, record: RequestRecord) -> None:
        """Fill in ``key`` and ``session``; both stay "" where the request does not have them."""
        if self._hashed is not None:
            record.key = self._hashed(request)
        if self._cookie is not None:
            record.session = self._cookie(request)


def part_reader(part: HttpPart) -> Read:
    """Return what returns the text of a part of a request, "" if the request does not have it or it is empty.

    A header that comes more than once counts by its first line, a query parameter and a cookie by their first value.
    Nothing is decoded: ``%41`` is not ``A``. Bytes beyond ASCII are read as Latin-1.
    """
    if part.kind == "path":
        return _path
    if part.kind == "query":
        return _query(part.name.encode())
    return _cookie(part.name.encode()) if part.kind == "cookie" else _header(part.name.encode())


def _path(request: Request) -> str:
    return request.target.partition(b"?")[0].decode("latin-1")


def _query(name: bytes) -> Read:
    pattern = re.compile(rb"(?:^|&)%b=([^&#]*)" % re.escape(name))
    return lambda request: _first(pattern, request.target.partition(b"?")[2])


def _cookie(name: bytes) -> Read:
    start = rb"\r\n(?i:Cookie):(?:[^\r\n]*?;)??[ \t]*"
    pattern = re.compile(rb"%b%b=\"?([^;\"\r\n]*)" % (start, re.escape(name)))
    return lambda request: _first(pattern, request.fields)


def _header(name: bytes) -> Read:
    pattern = re.compile(rb"\r\n%b:([^\r\n]*)" % re.escape(name), re.IGNORECASE)
    special = name.lower()

    def read(request: Request) -> str:
        # Fields that are not passed on, such as X-Forwarded-For, are no longer among the others.
        return _text(request.special[special]) if special in request.special else _first(pattern, request.fields)

    return read


def _first(pattern: re.Pattern[bytes], text: bytes) -> str:
    found = pattern.search(text)
    return _text(found[1]) if found else ""


def _text(value: bytes) -> str:
    return value.strip(b" \t").decode("latin-1")

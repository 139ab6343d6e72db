"""A list in pages. Pure. Follows client-go ``tools/pager``: 410 in the middle lists again, in one piece."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kubeapi.meta import JSON
from kubeapi.status import StatusError
from kubeclient.refusals import GONE

PAGE_ITEMS = 500
"""Objects of the first page (pager's defaultPageSize)."""
PAGE_BYTES = 1 << 20
"""What later pages have about: each costs the server some milliseconds, and is held as a whole until it is read."""
FEWEST_ITEMS, MOST_ITEMS = 50, 2000

_NEXT = re.compile(rb'\{(?:"(?:kind|apiVersion)":"[\w./]*",)*"metadata":\{[^{}]*"continue":"([\w.+/=-]+)"')


def next_token(text: bytes | bytearray) -> str:
    """Return the token of the next page as the beginning of a page has it, "" if there is none, or it is not there."""
    found = _NEXT.match(text)
    return found[1].decode() if found else ""


class Pager:
    """Where a list is: ``params`` for the next page, then ``items_of`` the answer, until ``is_over``.

    ``token`` is that of the next page, "" for the first one.
    """

    def __init__(self) -> None:
        self.resource_version = ""
        self.is_over = False
        self._limit = PAGE_ITEMS
        self.token = ""

    def note_size(self, size: int) -> None:
        """Have further pages as many objects as PAGE_BYTES may have, as the last page of ``size`` bytes tells.

        At most twice as many as before: a page may have fewer than were asked for.
        """
        if self._limit:
            by_size = self._limit * min(PAGE_BYTES / max(size, 1), 2.0)
            self._limit = min(max(round(by_size), FEWEST_ITEMS), MOST_ITEMS)

    def params(self) -> dict[str, str]:
        """Return the parameters of the next page."""
        return self.params_of(self.token)

    def params_of(self, token: str) -> dict[str, str]:
        """Return the parameters of the page with a token, "" for the first one."""
        params = {"limit": str(self._limit)} if self._limit else {}
        return {**params, "continue": token} if token else params

    def items_of(self, page: JSON) -> Sequence[Any]:
        """Return the items of a page, and go on after it; ValueError if it is no list."""
        metadata, items = page.get("metadata"), page.get("items")
        if not isinstance(metadata, dict) or not isinstance(items, list | None):
            message = f"the answer is no list: {str(page)[:100]}"
            raise ValueError(message)
        token = str(metadata.get("continue") or "")
        if token and (token == self.token or not items):
            raise ValueError("the list does not end: a page leads to itself")
        self.token, self.is_over = token, not token
        self.resource_version = str(metadata.get("resourceVersion") or self.resource_version)
        return items if items is not None else ()

    def restart(self, error: StatusError) -> None:
        """Begin again without pages, after 410 in the middle of a list; any other error is raised."""
        if error.code != GONE or not self.token:
            raise error
        self.token, self._limit, self.resource_version = "", 0, ""

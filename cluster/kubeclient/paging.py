"""A list in pages. Pure. Follows client-go ``tools/pager``: 410 in the middle lists again, in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.meta import JSON
from kubeapi.status import StatusError
from kubeclient.refusals import GONE

PAGE_ITEMS = 500
"""Objects of a page (pager's defaultPageSize): enough to be cheap, few enough that a page's text is soon forgotten."""


class Pager:
    """Where a list is: ``params`` for the next page, then ``items_of`` the answer, until ``is_over``."""

    def __init__(self) -> None:
        self.resource_version = ""
        self.is_over = False
        self._limit = PAGE_ITEMS
        self._token = ""

    def params(self) -> dict[str, str]:
        """Return the parameters of the next page."""
        params = {"limit": str(self._limit)} if self._limit else {}
        return {**params, "continue": self._token} if self._token else params

    def items_of(self, page: JSON) -> Sequence[Any]:
        """Return the items of a page, and go on after it; ValueError if it is no list."""
        metadata, items = page.get("metadata"), page.get("items")
        if not isinstance(metadata, dict) or not isinstance(items, list | None):
            message = f"the answer is no list: {str(page)[:100]}"
            raise ValueError(message)
        token = str(metadata.get("continue") or "")
        if token and (token == self._token or not items):
            raise ValueError("the list does not end: a page leads to itself")
        self._token, self.is_over = token, not token
        self.resource_version = str(metadata.get("resourceVersion") or self.resource_version)
        return items if items is not None else ()

    def restart(self, error: StatusError) -> None:
        """Begin again without pages, after 410 in the middle of a list; any other error is raised."""
        if error.code != GONE or not self._token:
            raise error
        self._token, self._limit, self.resource_version = "", 0, ""

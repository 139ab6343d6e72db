"""The API server of an end-to-end cluster below its objects: whole answers, and the events of a watch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPSConnection
from typing import Any, NamedTuple

from tests.helpers.e2e.cluster import API

Item = dict[str, Any]

WATCH_SECONDS = 20
"""How long a watch waits for the events that must come."""


class RawAnswer(NamedTuple):
    """An HTTP answer."""

    status: int
    text: str
    headers: Mapping[str, str]


class RawAPI(API):
    """Asks for what need not be an object."""

    def raw(self, method: str, path: str, body: str | None = None, **headers: str) -> RawAnswer:
        """Return whatever is answered; headers are given with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self._connect()) as connection:
            connection.request(method, path, body, {**self._headers, **named})
            response = connection.getresponse()
            return RawAnswer(response.status, response.read().decode(), dict(response.headers))

    def version(self, path: str) -> str:
        """Return the resourceVersion of a list."""
        return str(self.ask("GET", path)["metadata"]["resourceVersion"])

    def events(self, path: str, version: str, count: int, selector: str = "") -> list[tuple[str, Item]]:
        """Return the next events after a version, each with its object; fewer when they do not come in time."""
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}"
        if selector:
            query += f"&labelSelector={selector}"
        found: list[tuple[str, Item]] = []
        with closing(self._connect()) as connection:
            connection.request("GET", path + query, headers=self._headers)
            response = connection.getresponse()
            while len(found) < count and (line := response.readline()):
                event = json.loads(line)
                found.append((event["type"], event["object"]))
        return found

    def _connect(self) -> HTTPSConnection:
        place = self._place
        return HTTPSConnection(place.hostname or "", place.port, timeout=2 * WATCH_SECONDS, context=self._context)

"""A client of the API server for what has to be there: it makes objects, changes them and takes them away."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

JSON = dict[str, Any]
MERGE = "application/merge-patch+json"
SECONDS = 30.0
_GROUPS = {"v1": "/api/v1", "discovery.k8s.io/v1": "/apis/discovery.k8s.io/v1"}


class RefusedError(Exception):
    """The API server has refused a request; ``status`` is the HTTP status, the text is what it said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


class API:
    """An API server; each request has a connection of its own, so threads may share it and restarts do not matter."""

    def __init__(self, url: str, token: str, context: ssl.SSLContext) -> None:
        self.url, self.token = url, token
        self._context = context

    def send(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """Return the answer; RefusedError for a refusal, OSError if the server is not there."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        content = None if body is None else json.dumps(body)
        at = urlsplit(self.url)
        made = http.client.HTTPSConnection(at.hostname or "", at.port, context=self._context, timeout=SECONDS)
        with closing(made) as connection:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            said = answer.read()
        if answer.status >= 300:
            raise RefusedError(answer.status, said.decode(errors="replace")[:500])
        return json.loads(said) if said[:1] in b"{[" else said.decode()

    def create(self, obj: JSON) -> JSON:
        """Create an object and return it."""
        created: JSON = self.send("POST", collection_of(obj), obj)
        return created

    def put(self, obj: JSON) -> JSON:
        """Create an object or write over the one of its name, and return it."""
        path = path_of(obj)
        try:
            written: JSON = self.send("PUT", path, obj)
        except RefusedError as error:
            if error.status != 404:
                raise
            written = self.create(obj)
        return written

    def patch(self, path: str, change: JSON) -> JSON:
        """Merge a change into an object and return it."""
        patched: JSON = self.send("PATCH", path, change, MERGE)
        return patched

    def delete(self, path: str) -> None:
        """Take an object away; nothing happens if it is not there."""
        try:
            self.send("DELETE", path)
        except RefusedError as error:
            if error.status != 404:
                raise


def collection_of(obj: JSON) -> str:
    """Return the path of the collection that an object is in."""
    plural = "endpoints" if obj["kind"] == "Endpoints" else f"{obj['kind'].lower()}s"
    namespace = obj["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    group = _GROUPS.get(obj["apiVersion"], f"/apis/{obj['apiVersion']}")
    return f"{group}{within}/{plural}"


def path_of(obj: JSON) -> str:
    """Return the path of an object."""
    return f"{collection_of(obj)}/{obj['metadata']['name']}"

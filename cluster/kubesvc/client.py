"""Asks the running cluster, over its control socket. Synchronous and small: `kubesvc status` should start fast."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from kubesvc.state import StateDirectory

_CHUNK = 64 * 1024


class NotRunningError(Exception):
    """No cluster of this name runs."""


class RefusedError(Exception):
    """The cluster understood and said no; the text is its answer."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the control socket of a cluster."""

    def __init__(self, state: StateDirectory) -> None:
        super().__init__("localhost")
        self._state = state

    def connect(self) -> None:
        self.sock = self._state.connect_socket()


class ControlClient:
    """The requests that the control socket answers (see ``control``)."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state

    def status(self) -> dict[str, Any]:
        """Return the status document (``kubesvc status -o json``)."""
        answer: dict[str, Any] = json.loads(self._request("GET", "/v1/status"))
        return answer

    def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a workload."""
        body = {"kind": kind, "namespace": namespace, "name": name, "replicas": replicas}
        self._request("POST", "/v1/scale", body)

    def stop(self) -> None:
        """Begin to stop the cluster, and return when it is gone: its socket closes with the process."""
        self._request("POST", "/v1/stop")

    def logs(self, **query: str) -> Iterator[bytes]:
        """Yield a container's log as it comes."""
        connection, response = self._open("GET", f"/v1/logs?{urlencode(query)}")
        try:
            while chunk := response.read1(_CHUNK):
                yield chunk
        finally:
            connection.close()

    def _request(self, method: str, path: str, body: object = None) -> bytes:
        connection, response = self._open(method, path, body)
        try:
            return response.read()
        finally:
            connection.close()

    def _open(
        self, method: str, path: str, body: object = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = _Connection(self._state)
        try:
            encoded = json.dumps(body) if body is not None else None
            connection.request(method, path, encoded, {"Content-Type": "application/json"})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            connection.close()
            name = self._state.name
            hint = "" if name == "default" else f" --name {name}"
            message = f'cluster "{name}" is not running; start it with `kubesvc up PATH...{hint}`'
            raise NotRunningError(message) from None
        if response.status >= 400:
            message = response.read().decode(errors="replace")
            connection.close()
            raise RefusedError(message)
        return connection, response

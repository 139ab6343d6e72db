"""The client of the control socket. Synchronous and small, so that `kubesvc status` starts fast."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from kubesvc.state.directory import StateDirectory

ANSWER_SECONDS = 10.0
"""Time limit for each read or write; a cluster answers in milliseconds unless it hangs."""
_CHUNK = 64 * 1024


class UnreachableError(Exception):
    """No cluster of this name answers; the text says whether one runs, and the remedy."""


class RefusedError(Exception):
    """The cluster refused the request; the text is its answer."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the control socket of a cluster."""

    def __init__(self, state: StateDirectory, timeout: float | None) -> None:
        super().__init__("localhost")
        self._state = state
        self._limit = timeout

    def connect(self) -> None:
        self.sock = self._state.connect_socket(self._limit)


class ControlClient:
    """The requests of the control socket (see ``control.server``). Each may raise UnreachableError or RefusedError.

    ``timeout`` is in seconds for each read or write, None for no limit.
    """

    def __init__(self, state: StateDirectory, timeout: float | None = ANSWER_SECONDS) -> None:
        self._state = state
        self._timeout = timeout
        self._streaming: _Connection | None = None

    def status(self) -> dict[str, Any]:
        """Return the status document (``kubesvc status -o json``)."""
        return self._get("/v1/status")

    def entrance(self) -> dict[str, Any]:
        """Return where the cluster's network is and what a program needs there (see ``shell.entrance``)."""
        return self._get("/v1/entrance")

    def explain(self, namespace: str, name: str) -> dict[str, Any]:
        """Return the explanation of a Service (``kubesvc explain -o json``)."""
        return self._get("/v1/explain", namespace=namespace, name=name)

    def simulated(self, namespace: str, name: str) -> dict[str, Any]:
        """Return what a simulation of a Service needs (see ``why.simulated``)."""
        return self._get("/v1/simulated", namespace=namespace, name=name)

    def trace(self, namespace: str, source: str, destination: str, request: str = "") -> dict[str, Any]:
        """Return the trace of a packet (``kubesvc trace -o json``), with the head of an HTTP request if given."""
        return self._get("/v1/trace", namespace=namespace, source=source, destination=destination, request=request)

    def trace_dns(self, namespace: str, name: str, qtype: str) -> dict[str, Any]:
        """Return the trace of a name (``kubesvc trace --dns -o json``)."""
        return self._get("/v1/trace", namespace=namespace, dns=name, type=qtype)

    def connections(self, namespace: str = "", name: str = "") -> dict[str, Any]:
        """Return the recent connections (``kubesvc connections -o json``), of one namespace or Service if given."""
        return self._get("/v1/connections", namespace=namespace, name=name)

    def follow_connections(self, namespace: str = "", name: str = "") -> Generator[dict[str, Any], None, None]:
        """Yield the recent connections, then each new one as it begins and as it ends."""
        query = urlencode({"follow": "true", "namespace": namespace, "name": name})
        yield from self._documents(self._stream(f"/v1/connections?{query}"))

    def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a workload."""
        body = {"kind": kind, "namespace": namespace, "name": name, "replicas": replicas}
        self._request("POST", "/v1/scale", body)

    def rebalance(self, namespace: str, name: str, annotations: Mapping[str, str | None]) -> dict[str, str | None]:
        """Set a Service's annotations of balancing, and return what they were (see ``run.rebalancing``)."""
        body = {"namespace": namespace, "name": name, "annotations": annotations}
        try:
            before: dict[str, str | None] = json.loads(self._request("POST", "/v1/rebalance", body))
        except ValueError:
            raise UnreachableError(self._broke_off()) from None
        return before

    def stop(self) -> list[str]:
        """Ask the cluster to stop; returns the objects that are not on disk."""
        try:
            unsaved: list[str] = json.loads(self._request("POST", "/v1/stop"))["unsaved"]
        except (ValueError, KeyError):
            raise UnreachableError(self._broke_off()) from None
        return unsaved

    def apply(self, objects: Sequence[dict[str, Any]], timeout: float) -> Generator[dict[str, Any], None, None]:
        """Apply objects and wait until the cluster is ready; yields the documents of ``Cluster.apply_and_wait``."""
        body = {"objects": list(objects), "timeout": timeout}
        yield from self._documents(self._stream("/v1/apply", "POST", body))

    def choose_pod(self, namespace: str, target: str) -> dict[str, Any]:
        """Return the ``pod`` that a workload's name means, and how many pods match, ``matching``."""
        return self._get("/v1/pod", namespace=namespace, of=target)

    def logs(self, **query: str) -> Generator[bytes, None, None]:
        """Yield a container's log in chunks."""
        yield from self._stream(f"/v1/logs?{urlencode(query)}")

    def _documents(self, chunks: Iterable[bytes]) -> Generator[dict[str, Any], None, None]:
        """Yield the documents of a stream of JSON lines."""
        pending = b""
        for chunk in chunks:
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)

    def _stream(self, path: str, method: str = "GET", body: object = None) -> Generator[bytes, None, None]:
        connection = _Connection(self._state, self._timeout)
        try:
            response = self._ask(connection, method, path, body)
            # No time limit for a stream: a pod may write nothing for hours.
            connection.sock.settimeout(None)
            self._streaming = connection
            while chunk := self._read(response, _CHUNK):
                yield chunk
        finally:
            self._streaming = None
            connection.close()

    def hang_up(self) -> None:
        """End the stream that another thread reads; it sees the cluster's end of it."""
        if (connection := self._streaming) is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(self._request("GET", f"{path}?{urlencode(query)}" if query else path))
        except ValueError:
            raise UnreachableError(self._broke_off()) from None
        return answer

    def _request(self, method: str, path: str, body: object = None) -> bytes:
        connection = _Connection(self._state, self._timeout)
        try:
            return self._read(self._ask(connection, method, path, body))
        finally:
            connection.close()

    def _ask(self, connection: _Connection, method: str, path: str, body: object = None) -> http.client.HTTPResponse:
        encoded = json.dumps(body) if body is not None else None
        try:
            connection.request(method, path, encoded, {"Content-Type": "application/json"})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            raise UnreachableError(self.why()) from None
        if response.status >= 400:
            raise RefusedError(self._read(response).decode(errors="replace"))
        return response

    def _read(self, response: http.client.HTTPResponse, most: int = -1) -> bytes:
        """Return up to ``most`` bytes that have arrived; the whole body if ``most`` is negative."""
        try:
            return response.read() if most < 0 else response.read1(most)
        except (OSError, http.client.HTTPException):
            raise UnreachableError(self._broke_off()) from None

    def _broke_off(self) -> str:
        return f'cluster "{self._state.name}" closed the connection while it answered'

    def why(self) -> str:
        """Return why the cluster does not answer."""
        name, owner, option = self._state.name, self._state.owner(), self._state.option
        if owner is None:
            return f'cluster "{name}" is not running; start it with `kubesvc up PATH...{option}`'
        return (
            f'cluster "{name}" (pid {owner}) does not answer: it is still starting, or it hangs; '
            f"`kubesvc down{option}` ends it"
        )

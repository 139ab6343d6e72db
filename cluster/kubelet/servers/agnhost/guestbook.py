"""``agnhost guestbook``: a primary that is written to, replicas that are read, and a frontend that asks both.

Follows k8s.io/kubernetes ``test/images/agnhost/guestbook``. What asks another server blocks, so a child answers it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from kubelet.servers.agnhost.dial import ask_http
from kubelet.servers.agnhost.dialling import Dialler, LookupFailedError
from kubelet.servers.http.messages import Request, Response, Service, plain

REGISTER_SECONDS, PAUSE_SECONDS = 15.0, 1.0
PRIMARY, REPLICA = "agnhost-primary", "agnhost-replica"


class UnregisteredError(Exception):
    """The primary could not be reached in time."""


class Guestbook:
    """What one node of the guestbook knows: its entries, and the replicas that it tells of changes."""

    def __init__(self, port: int, dialler: Dialler) -> None:
        self.entries: dict[str, Any] = {}
        self.replicas: list[str] = []
        self._port = port
        self._dialler = dialler

    def register_with(self, primary: str) -> None:
        """Register as a replica, and take the primary's entries; UnregisteredError."""
        deadline = time.monotonic() + REGISTER_SECONDS
        while True:
            try:
                address = self._dialler.resolve(primary)
                own = self._dialler.own_address(address, self._port)
                answer = self._ask(address, f"register?host={own}")
                self.entries = json.loads(answer)["data"]
            except (OSError, ValueError, LookupFailedError) as error:
                if time.monotonic() > deadline:
                    raise UnregisteredError("Timed out while registering to primary.") from error
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def respond(self, request: Request) -> Response:
        """Answer a request."""
        key, value = request.query.get("key", ""), request.query.get("value", "")
        match request.path:
            case "/register":
                answer = _said({"data": self.entries})
                self.replicas.append(request.query.get("host", ""))
                return answer
            case "/get":
                return _said({"data": self.entries.get(key, "") if key else self.entries})
            case "/set" if key:
                self.entries[key] = value
                tell = partial(self._tell_replicas, tuple(self.replicas), key, value)
                return Response(200, b"", later=tell) if self.replicas else _said({"message": "Updated"})
            case "/set":
                return Response(400, b"cannot set with empty key.\n")
            case "/guestbook":
                return self._forwarded(request.query.get("cmd", "").lower(), key, value)
        return plain(404)

    def _forwarded(self, command: str, key: str, value: str) -> Response:
        if command not in ("get", "set"):
            return Response(400, f"unsupported cmd: '{command}'\n".encode())
        if command == "set" and not key:
            return Response(400, b"cannot set with empty key.\n")
        host = REPLICA if command == "get" else PRIMARY
        return Response(200, b"", later=partial(self._forward, host, command, key, value))

    def _forward(self, host: str, command: str, key: str, value: str) -> Response:
        try:
            address = self._dialler.resolve(host)
        except LookupFailedError as error:
            return Response(400, f"host and/or port param are invalid. {error}\n".encode())
        try:
            return Response(200, self._ask(address, f"{command}?{urlencode({'key': key, 'value': value})}").encode())
        except (OSError, ValueError) as error:
            return Response(417, f"encountered error: {error}\n".encode())

    def _tell_replicas(self, replicas: tuple[str, ...], key: str, value: str) -> Response:
        for each in replicas:
            try:
                self._ask(each, f"set?{urlencode({'key': key, 'value': value})}")
            except (OSError, ValueError) as error:
                text = f"encountered error while propagating to replica '{each}': {error}\n"
                return Response(417, text.encode())
        return _said({"message": "Updated"})

    def _ask(self, address: str, asked: str) -> str:
        return ask_http(address, self._port, asked, self._dialler)


def _said(document: Mapping[str, Any]) -> Response:
    return Response(200, json.dumps(document, separators=(",", ":")).encode())


def guestbook(options: Mapping[str, Any], dialler: Dialler) -> tuple[Guestbook, Service]:
    """Return a node of the guestbook, and its service."""
    book = Guestbook(options["backend_port"], dialler)
    return book, Service(book.respond, ())

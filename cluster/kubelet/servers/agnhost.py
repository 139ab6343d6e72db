"""The e2e test image agnhost: netexec and serve-hostname.

Follows k8s.io/kubernetes ``test/images/agnhost``. ``/shell``, ``/shutdown``, ``/upload`` and ``/dial`` are not
offered: a server that runs commands for whoever asks has no place on a user's own machine.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from kubelet.servers.http import Request, Response, Server

REFUSED_PATHS = ("/shell", "/shutdown", "/upload", "/dial")


def server(kind: str, hostname: str, datagrams: Sequence[socket.socket]) -> Server:
    """Return the server of ``netexec`` or ``serve-hostname``."""

    def handle(request: Request) -> Response:
        return netexec(request, hostname, time.time()) if kind == "netexec" else Response(200, hostname.encode())

    def answer(packet: bytes, client: str) -> bytes:
        return datagram(packet, client, hostname) if kind == "netexec" else hostname.encode()

    return Server(handle, (("X-Pod", hostname),), datagrams, answer)


def netexec(request: Request, hostname: str, now: float) -> Response:
    """Answer one HTTP request as netexec does."""
    query = request.query
    response = Response(404, b"404 page not found\n")
    match request.path:
        case "/":
            response = Response(200, f"NOW: {time.strftime('%Y-%m-%d %H:%M:%S +0000 UTC', time.gmtime(now))}".encode())
        case "/hostname" | "/hostName":
            response = Response(200, hostname.encode())
        case "/clientip":
            response = Response(200, request.client.encode())
        case "/echo":
            response = Response(_status(query.get("code", "200")), query.get("msg", "").encode())
        case "/healthz":
            response = Response(200, b"")
        case "/header":
            response = Response(200, request.headers.get(query.get("key", "").lower(), "").encode())
        case "/redirect":
            location = query.get("location", "").replace("\r", "").replace("\n", "")
            response = Response(_status(query.get("code", "302")), b"", headers=(("Location", location),))
        case "/exit":
            code = query.get("code", "0")
            response = Response(200, b"", exit_code=int(code) & 255 if code.isdecimal() else 0)
        case path if path in REFUSED_PATHS:
            response = Response(404, f"{path} is not offered by kubesvc: it would act on your own machine\n".encode())
    return response


def datagram(packet: bytes, client: str, hostname: str) -> bytes:
    """Answer one datagram as netexec does; b"" is no answer."""
    words = packet.decode(errors="replace").strip().split(" ", 1)
    match words[0].lower():
        case "echo" if len(words) == 2:
            return words[1].encode()
        case "hostname":
            return hostname.encode()
        case "clientip":
            return client.encode()
    return b""


def _status(text: str) -> int:
    return int(text) if text.isdecimal() and 200 <= int(text) <= 599 else 400

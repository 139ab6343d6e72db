"""The e2e test image agnhost: netexec, serve-hostname and porter.

Follows k8s.io/kubernetes ``test/images/agnhost``. ``/shell`` and ``/upload`` are not offered: a server that runs
commands for whoever asks has no place on a user's own machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubelet.servers.dial import dial
from kubelet.servers.dialling import Dialler
from kubelet.servers.http import Server, Sockets
from kubelet.servers.messages import Datagram, Request, Response

REFUSED_PATHS = ("/shell", "/upload")


def netexec_server(options: dict[str, Any], hostname: str, dialler: Dialler, sockets: Sockets) -> Server:
    """Return the server of ``netexec``."""
    override: str = options["override"]

    def handle(request: Request) -> Response:
        return netexec(_overridden(request, override) if override else request, hostname, time.time(), dialler)

    def answer(packet: Datagram) -> bytes:
        return datagram(packet, hostname)

    return Server(handle, (("X-Pod", hostname),), sockets, answer, delay_seconds=options["delay"])


def serve_hostname(options: dict[str, Any], hostname: str, sockets: Sockets) -> Server:
    """Return the server of ``serve-hostname``: by HTTP, or bare by TCP or UDP."""
    name = hostname.encode()
    is_closing = options["close"]

    def handle(_request: Request) -> Response:
        return Response(200, name, is_last=is_closing)

    return Server(handle, (("X-Pod", hostname),), sockets, lambda _: name, greeting=name if options["raw"] else None)


def porter(options: dict[str, Any], hostname: str, sockets: Sockets) -> Server:
    """Return the server of ``porter``: on each port it says the text that is the port's."""
    texts: Mapping[str, str] = options["texts"]
    is_json = options["json"]

    def handle(request: Request) -> Response:
        text = texts[str(request.port)]
        if not is_json:
            # Go's http.DetectContentType takes a text that begins with an element for a page.
            kind = "html" if text.startswith("<") else "plain"
            return Response(200, text.encode(), f"text/{kind}; charset=utf-8")
        return Response(200, json.dumps({"Method": request.method, "Body": text}).encode(), "application/json")

    def answer(packet: Datagram) -> bytes:
        return texts[f"udp/{packet.port}"].encode()

    return Server(handle, (("X-Pod", hostname),), sockets, answer)


def _overridden(request: Request, target: str) -> Request:
    """Return the request that ``--http-override`` puts in the place of every other one."""
    split = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
    return request._replace(method="GET", path=split.path or "/", query=query)


def netexec(request: Request, hostname: str, now: float, dialler: Dialler) -> Response:
    """Answer one HTTP request as netexec does."""
    if request.path == "/dial":
        return Response(200, b"", later=partial(dial, request, dialler))
    if request.path in REFUSED_PATHS:
        text = f"{request.path} is not offered by kubesvc: it would act on your own machine\n"
        return Response(404, text.encode())
    return _ends(request) or _tells(request, hostname, now)


def _ends(request: Request) -> Response | None:
    """Answer the requests that end the server, None for another one."""
    if request.path == "/shutdown":
        return Response(200, b"", exit_code=0)
    if request.path == "/exit":
        code = request.query.get("code", "0")
        return Response(200, b"", exit_code=int(code) & 255 if code.isdecimal() else 0)
    return None


def _tells(request: Request, hostname: str, now: float) -> Response:  # noqa: PLR0911 - a table of paths
    query = request.query
    match request.path:
        case "/":
            stamp = time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(now))
            return Response(200, f"NOW: {stamp}".encode())
        case "/hostname" | "/hostName":
            return Response(200, hostname.encode())
        case "/clientip":
            return Response(200, request.client.encode())
        case "/echo":
            return Response(_status(query.get("code", "200")), query.get("msg", "").encode())
        case "/healthz":
            return Response(200, b"")
        case "/readyz":
            return Response(503, b"shutting down") if request.is_stopping else Response(200, b"ok")
        case "/header":
            return Response(200, _header(request.headers, query.get("key", "")))
        case "/redirect":
            location = query.get("location", "").replace("\r", "").replace("\n", "")
            return Response(_status(query.get("code", "302")), b"", headers=(("Location", location),))
    return Response(404, b"404 page not found\n")


def datagram(packet: Datagram, hostname: str) -> bytes:
    """Answer one datagram as netexec does, which writes what it echoes in small letters; b"" is no answer."""
    said = packet.content.decode(errors="replace").strip().lower()
    command, space, rest = said.partition(" ")
    match command:
        case "echo" if space:
            return rest.encode()
        case "hostname" if not space:
            return hostname.encode()
        case "clientip" if not space:
            return packet.client.encode()
    return b""


def _header(headers: Mapping[str, str], key: str) -> bytes:
    """Return one header, or all as JSON with Go's spelling of their names."""
    if key:
        return headers.get(key.lower(), "").encode()
    return json.dumps({name.title(): [value] for name, value in headers.items() if name != "host"}).encode()


def _status(text: str) -> int:
    return int(text) if text.isdecimal() and 200 <= int(text) <= 599 else 400

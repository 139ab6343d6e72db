"""The small servers that tutorials show Services with: each answers with its host's name and the request that it sees.

The texts are those of google-samples/hello-app and node-hello, registry.k8s.io/echoserver 1.10, kicbase/echo-server
1.0, registry.k8s.io/hpa-example, traefik/whoami 1.11 and nginxdemos/hello.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from kubelet.servers.http.messages import Request, Response, Service
from kubelet.servers.pages import log_access

_TEXT = "text/plain; charset=utf-8"
_ROOTS = 200_000
"""For which Python needs about as long as PHP for the million of the image's page."""
_Answer = Callable[[Request, Mapping[str, Any], str], Response]


def _hello_app(_request: Request, options: Mapping[str, Any], hostname: str) -> Response:
    return _plain(f"Hello, world!\nVersion: {options['version']}\nHostname: {hostname}\n")


def _node_hello(_request: Request, _options: Mapping[str, Any], _hostname: str) -> Response:
    return _plain("Hello Kubernetes!")


def _hpa_example(_request: Request, _options: Mapping[str, Any], _hostname: str) -> Response:
    """Answer after some work, for an autoscaler to see."""
    x = 0.0001
    for _ in range(_ROOTS):
        x += math.sqrt(x)
    return _plain("OK!")


def _echoserver(request: Request, options: Mapping[str, Any], hostname: str) -> Response:
    """Answer as a server that is behind no proxy; all request headers have lower-case names there."""
    host = request.headers.get("host", "").rpartition("]")
    name = f"{host[0]}]" if host[0] else host[2].partition(":")[0]
    parts = {
        "Pod Information": ["-no pod information available-"],
        "Server values": ["server_version=nginx: 1.13.3 - lua: 10008"],
        "Request Information": [
            f"client_address={_address(request.client)}",
            f"method={request.method}",
            f"real path={_uri(request)}",
            f"query={request.query_text}",
            "request_version=1.1",
            "request_scheme=http",
            f"request_uri=http://{name}:{options['port']}{_uri(request)}",
        ],
        "Request Headers": [f"{key}={value}" for key, value in sorted(request.headers.items())],
        "Request Body": [request.body.decode(errors="replace") or "-no body in request-"],
    }
    body = "".join(f"{title}:\n" + "".join(f"\t{line}\n" for line in lines) + "\n" for title, lines in parts.items())
    return _plain(f"\n\nHostname: {hostname}\n\n{body}")


def _echo_server(request: Request, _options: Mapping[str, Any], hostname: str) -> Response:
    lines = [f"HTTP/1.1 {request.method} {_uri(request)}", "", f"Host: {request.headers.get('host', '')}"]
    head = "\n".join([f"Request served by {hostname}", "", *lines, *map(": ".join, _named(request)), ""])
    body = request.body.decode(errors="replace")
    return _plain(f"{head}\n{body}" if body else head)


def _whoami(request: Request, options: Mapping[str, Any], hostname: str) -> Response:
    match request.path:
        case "/bench":
            return _plain("1")
        case "/health":
            return _plain("")
        case "/api":
            return Response(200, f"{_document(request, options, hostname)}\n".encode(), "application/json")
    named = dict(_named(request))
    agent = {"User-Agent": named.pop("User-Agent")} if "User-Agent" in named else {}
    lines = [f"Name: {options['name']}"] if options["name"] else []
    lines += [f"Hostname: {hostname}", *(f"IP: {each}" for each in options["addresses"])]
    lines.append(f"RemoteAddr: {request.client}")
    head = [f"{request.method} {_uri(request)} HTTP/1.1", f"Host: {request.headers.get('host', '')}"]
    head += [f"{name}: {value}" for name, value in (agent | named).items()]
    return _plain("\n".join([*lines, "\r\n".join([*head, "", ""])]) + request.body.decode(errors="replace"))


def _document(request: Request, options: Mapping[str, Any], hostname: str) -> str:
    found = {
        "hostname": hostname,
        "ip": options["addresses"],
        "headers": {name: [value] for name, value in _named(request)},
        "url": _uri(request),
        "host": request.headers.get("host", ""),
        "method": request.method,
        "name": options["name"],
        "remoteAddr": request.client,
    }
    return json.dumps({name: value for name, value in found.items() if value}, separators=(",", ":"))


def _nginx_hello(request: Request, options: Mapping[str, Any], hostname: str, *, is_text: bool) -> Response:
    values = {
        "Server address": f"{options['address']}:{options['port']}",
        "Server name": hostname,
        "Date": time.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "URI": _uri(request),
        "Request ID": os.urandom(16).hex(),
    }
    if is_text:
        text = "".join(f"{name}: {value}\n" for name, value in values.items())
        return Response(200, text.encode(), "text/plain", headers=(("Cache-Control", "no-cache"),))
    rows = "".join(f"<p><span>{name.capitalize()}:</span> <span>{value}</span></p>\n" for name, value in values.items())
    page = f"<!DOCTYPE html>\n<html>\n<head>\n<title>Hello World</title>\n</head>\n<body>\n{rows}</body>\n</html>\n"
    return Response(200, page.encode(), "text/html", headers=(("Cache-Control", "no-cache"),))


def _plain(text: str) -> Response:
    return Response(200, text.encode(errors="surrogateescape"), _TEXT)


def _uri(request: Request) -> str:
    return f"{request.path}?{request.query_text}" if request.query_text else request.path


def _named(request: Request) -> Iterable[tuple[str, str]]:
    """Return the headers but for Host, with Go's spelling of their names and in its order."""
    return sorted((name.title(), value) for name, value in request.headers.items() if name != "host")


def _address(client: str) -> str:
    return client.rpartition(":")[0].strip("[]")


def _service(answer: _Answer, options: Mapping[str, Any], hostname: str) -> Service:
    def respond(request: Request) -> Response:
        response = answer(request, options, hostname)
        log_access(request, response)
        return response

    return Service(respond, (("X-Pod", hostname),))


_ANSWERS: Mapping[str, _Answer] = {
    "echo-server": _echo_server,
    "echoserver": _echoserver,
    "hello-app": _hello_app,
    "hpa-example": _hpa_example,
    "nginx-hello": partial(_nginx_hello, is_text=False),
    "nginx-hello-text": partial(_nginx_hello, is_text=True),
    "node-hello": _node_hello,
    "whoami": _whoami,
}
DEMO_SERVICES: Mapping[str, Callable[[Mapping[str, Any], str], Service]] = {
    name: partial(_service, answer) for name, answer in _ANSWERS.items()
}

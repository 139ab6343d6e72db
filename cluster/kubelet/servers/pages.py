"""Servers of one page: the stand-in for nginx and httpd, and hashicorp/http-echo."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from kubelet.servers.http.messages import Request, Response, Service


def page(options: Mapping[str, Any], name: str) -> Service:
    """Return the service of a web server with one page, its welcome page, or that at the option ``path``."""
    body, path = options["page"].encode(), options.get("path", "/")

    def respond(request: Request) -> Response:
        is_there = request.path == path or (path, request.path) == ("/", "/index.html")
        response = _page(request, body, is_there=is_there)
        log_access(request, response)
        return response

    return Service(respond, (("Server", options["banner"]), ("X-Pod", name)))


def _page(request: Request, body: bytes, *, is_there: bool) -> Response:
    if request.method not in ("GET", "HEAD"):
        return page_response(405, "Not Allowed")
    if is_there:
        return Response(200, body, "text/html")
    return page_response(404, "Not Found")


def page_response(status: int, text: str) -> Response:
    """Return a page that says what is wrong."""
    return Response(status, f"<html><head><title>{status} {text}</title></head></html>\n".encode(), "text/html")


def http_echo(options: Mapping[str, Any], name: str) -> Service:
    """Return the service of http-echo: the text at every path, ok at /health."""
    body, status = f"{options['text']}\n".encode(), options["status"]

    def respond(request: Request) -> Response:
        if request.path == "/health":
            return Response(200, b'{"status":"ok"}\n', "application/json")
        response = Response(status, body)
        log_access(request, response)
        return response

    return Service(respond, (("X-App-Name", "http-echo"), ("X-App-Version", "1.0.0"), ("X-Pod", name)))


def log_access(request: Request, response: Response) -> None:
    """Write a line of an access log to stdout."""
    agent = request.headers.get("user-agent", "-")
    line = f'{request.client} "{request.method} {request.path}" {response.status} {len(response.body)} "{agent}"\n'
    sys.stdout.write(line)
    sys.stdout.flush()

"""The e2e test image agnhost: netexec, serve-hostname, porter and liveness.

Follows k8s.io/kubernetes ``test/images/agnhost``. ``/shell`` and ``/upload`` are not offered: a server that runs
commands for any client must not be on a user's own machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from kubelet.servers.agnhost.dial import dial, is_of_a_web_page
from kubelet.servers.agnhost.dialling import Dialler
from kubelet.servers.agnhost.golog import log
from kubelet.servers.agnhost.netexeclog import datagram_text, request_text
from kubelet.servers.http.messages import Datagram, Request, Response, Service, phrase

HEALTHY_SECONDS = 10.0
REFUSED_PATHS = ("/shell", "/upload")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})
"""As net/http escapes HTML. Python's own html module takes half a megabyte in every pod."""


class NetexecPod(NamedTuple):
    """The pod of a netexec: its host name, its environment, the ports it was started with, and when it began.

    The ports may have moved (``ServerHost``); ``began`` is in seconds of the monotonic clock.
    """

    hostname: str
    environment: Mapping[str, str]
    http_port: int
    udp_port: int
    began: float


def netexec_service(options: Mapping[str, Any], environment: Mapping[str, str], dialler: Dialler) -> Service:
    """Return the service of ``netexec``."""
    override: str = options["override"]
    hostname = environment.get("HOSTNAME", "")
    pod = NetexecPod(hostname, environment, options["http_port"], options["udp_port"], time.monotonic())

    def respond(request: Request) -> Response:
        asked = _overridden(request, override) if override else request
        if text := request_text(asked):
            log(text)
        return netexec(asked, pod, dialler)

    def answer(packet: Datagram) -> bytes:
        if text := datagram_text(packet, pod.udp_port):
            log(text)
        return datagram(packet, pod)

    log(f"Started HTTP server on port {pod.http_port}")
    return Service(respond, (("X-Pod", hostname),), answer, delay_seconds=options["delay"])


def serve_hostname(options: Mapping[str, Any], hostname: str) -> Service:
    """Return the service of ``serve-hostname``: over HTTP, or as the bare name over TCP or UDP."""
    name = hostname.encode()
    is_closing = options["close"]

    def respond(_request: Request) -> Response:
        return Response(200, name, is_last=is_closing)

    return Service(respond, (("X-Pod", hostname),), lambda _: name, greeting=name if options["raw"] else None)


def porter(options: Mapping[str, Any], hostname: str) -> Service:
    """Return the service of ``porter``, which answers on each port with the text of that port."""
    texts: Mapping[str, str] = options["texts"]
    is_json = options["json"]

    def respond(request: Request) -> Response:
        text = texts[str(request.port)]
        if not is_json:
            # Go's http.DetectContentType takes a text that begins with an element for a page.
            kind = "html" if text.startswith("<") else "plain"
            return Response(200, text.encode(), f"text/{kind}; charset=utf-8")
        return Response(200, json.dumps({"Method": request.method, "Body": text}).encode(), "application/json")

    def answer(packet: Datagram) -> bytes:
        return texts[f"udp/{packet.port}"].encode()

    return Service(respond, (("X-Pod", hostname),), answer)


def liveness(_options: Mapping[str, Any], hostname: str) -> Service:
    """Return the service of ``liveness``, which is healthy for its first ten seconds."""
    began = time.monotonic()

    def respond(request: Request) -> Response:
        age = time.monotonic() - began
        match request.path:
            case "/started":
                return _plain(200, f"{age:.9f}s")
            case "/healthz":
                return _plain(500, f"error: {age}") if age > HEALTHY_SECONDS else _plain(200, "ok")
            case "/redirect":
                return _redirect(request._replace(query={"location": request.query.get("loc", "")}))
        return _plain(404, "404 page not found\n")

    return Service(respond, (("X-Pod", hostname),))


def _overridden(request: Request, target: str) -> Request:
    """Return the request that ``--http-override`` replaces every request by."""
    split = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
    return request._replace(method="GET", path=split.path or "/", query=query)


def netexec(request: Request, pod: NetexecPod, dialler: Dialler) -> Response:
    """Answer one HTTP request as netexec does."""
    if request.path == "/dial":
        return Response(200, b"", later=partial(dial, request, dialler))
    if request.path in REFUSED_PATHS:
        text = f"{request.path} is not offered by kubesvc: it would act on your own machine\n"
        return Response(404, text.encode())
    return _answer_end(request) or _answer_question(request, pod)


def _answer_end(request: Request) -> Response | None:
    """Answer a request that ends the server, None if it is another one."""
    if request.path == "/shutdown":
        return Response(200, b"", exit_code=0)
    if request.path == "/exit":
        code = request.query.get("code") or "0"
        if not code.isdecimal():
            return _plain(200, f"argument 'code' must be an integer [0-127] or empty, got {_quoted(code)}\n")
        return Response(200, b"", exit_code=int(code) & 255)
    return None


def _answer_question(request: Request, pod: NetexecPod) -> Response:  # noqa: PLR0911 - a table of paths
    query = request.query
    match request.path:
        case "/":
            return _plain(200, f"NOW: {go_time(time.time_ns(), time.monotonic() - pod.began)}")
        case "/hostname" | "/hostName":
            return _plain(200, pod.hostname)
        case "/clientip":
            return _plain(200, request.client)
        case "/serverport":
            return _plain(200, str(pod.http_port))
        case "/envvar":
            return _variable(request, pod)
        case "/echo":
            return _in_status(query, 200) or _plain(_status(query.get("code") or "200"), query.get("msg", ""))
        case "/healthz":
            return Response(200, b"")
        case "/readyz":
            return _plain(503, "shutting down") if request.is_stopping else _plain(200, "ok")
        case "/header":
            return Response(200, _header(request.headers, query.get("key", "")))
        case "/redirect":
            return _redirect(request)
    return _plain(404, "404 page not found\n")


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(errors="surrogateescape"))


def go_time(now_ns: int, uptime: float) -> str:
    """Return a time as Go prints time.Now(): with the fraction of the second and the monotonic clock."""
    seconds, fraction = divmod(now_ns, 1_000_000_000)
    digits = f".{fraction:09}".rstrip("0").rstrip(".")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
    return f"{stamp}{digits} +0000 UTC m=+{uptime:.9f}"


def _variable(request: Request, pod: NetexecPod) -> Response:
    """Answer with a variable of the environment; web pages in a browser on this machine are refused."""
    name = request.query.get("var", "")
    if is_of_a_web_page(request.headers):
        return _plain(403, "web pages may not read the environment\n")
    if not name:
        return _plain(400, "'var' query parameter is required\n")
    value = pod.environment.get(name)
    return _plain(500, f"env var {_quoted(name)} is not set\n") if value is None else _plain(200, value)


def _redirect(request: Request) -> Response:
    query = request.query
    location = query.get("location", "").replace("\r", "").replace("\n", "")
    if not urlsplit(location).scheme and not location.startswith("/"):
        location = f"/{location}"
    status = _status(query.get("code") or "302")
    body = f'<a href="{location.translate(_ESCAPES)}">{phrase(status)}</a>.\n\n' if request.method == "GET" else ""
    found = Response(status, body.encode(), "text/html; charset=utf-8", headers=(("Location", location),))
    return _in_status(query, 302) or found


def _in_status(query: Mapping[str, str], default: int) -> Response | None:
    """Refuse a ``code`` that is no number, with the status 200 as netexec does; None if it is one."""
    code = query.get("code") or str(default)
    if code.lstrip("-+").isdecimal():
        return None
    return _plain(200, f"argument 'code' must be an integer or empty, got {_quoted(code)}\n")


def _quoted(text: str) -> str:
    """Return a text as Go's %q formats it."""
    return json.dumps(text, ensure_ascii=False)


def datagram(packet: Datagram, pod: NetexecPod) -> bytes:
    """Answer one datagram as netexec does, which echoes in lower case; b"" is no answer."""
    said = packet.content.decode(errors="replace").strip()
    command, space, rest = said.partition(" ")
    match command.lower():
        case "echo" if space:
            return rest.lower().encode()
        case "envvar" if space:
            return pod.environment.get(rest.strip(), "").encode(errors="surrogateescape")
        case "hostname" if not space:
            return pod.hostname.encode()
        case "clientip" if not space:
            return packet.client.encode()
        case "serverport" if not space:
            return str(pod.udp_port).encode()
    return b""


def _header(headers: Mapping[str, str], key: str) -> bytes:
    """Return one header, or all as JSON with Go's spelling of their names."""
    if key:
        return headers.get(key.lower(), "").encode()
    return json.dumps({name.title(): [value] for name, value in headers.items() if name != "host"}).encode()


def _status(text: str) -> int:
    return int(text) if text.isdecimal() and 200 <= int(text) <= 599 else 400

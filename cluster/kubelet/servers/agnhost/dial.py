"""netexec's ``/dial``: send requests to another server over HTTP or UDP, and return its answers.

Follows k8s.io/kubernetes ``test/images/agnhost/netexec``. A web page in a browser on this machine must not have a pod
ask others in its place, so requests that look like one's are refused.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import time
from collections.abc import Mapping

from kubehost.addresses import join_host_port
from kubehost.errortexts import errno_text
from kubelet.servers.agnhost.dialling import Dialler, LookupFailedError
from kubelet.servers.http.messages import Request, Response

TRY_SECONDS = 5.0
MAX_TRIES = 1000
MAX_REPLY = 1024 * 1024
_STATUS = re.compile(rb"HTTP/1\.\d (\d{3})")
PROTOCOLS = ("http", "udp")
PAGE_REFUSED = Response(403, b"web pages may not dial: ask an address, or a name of the cluster\n")
"""The answer to what ``is_of_a_web_page``."""


def dial(request: Request, dialler: Dialler) -> Response:
    """Answer a request for ``/dial``; blocks until the other server has answered."""
    if is_of_a_web_page(request.headers):
        return PAGE_REFUSED
    query = request.query
    if fault := _fault(query):
        return Response(400, f"{fault}\n".encode())
    try:
        address = dialler.resolve(query.get("host", ""))
    except LookupFailedError as error:
        return Response(400, f"host and/or port param are invalid. {error}\n".encode())
    said: dict[str, list[str]] = {}
    for _ in range(int(query.get("tries", "1"))):
        kind, text = _try(_protocol(query), address, int(query["port"]), query["request"], dialler)
        said.setdefault(kind, []).append(text)
    return Response(200, json.dumps(said).encode())


def _fault(query: Mapping[str, str]) -> str:
    """Return what is wrong with the parameters, "" if nothing is."""
    tries, port = query.get("tries", "1"), query.get("port", "")
    if not tries.isdecimal() or int(tries) > MAX_TRIES:
        return "tries parameter is invalid."
    if not query.get("request"):
        return "request parameter not specified."
    if _protocol(query) not in PROTOCOLS:
        return f"unsupported protocol. {_protocol(query)}"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f"host and/or port param are invalid. lookup tcp/{port}: unknown port"
    return ""


def _protocol(query: Mapping[str, str]) -> str:
    return query.get("protocol", "").lower() or "http"


def _try(protocol: str, address: str, port: int, asked: str, dialler: Dialler) -> tuple[str, str]:
    try:
        if protocol == "udp":
            return "responses", _ask_udp(address, port, asked, dialler)
        return "responses", ask_http(address, port, asked, dialler)
    except TimeoutError:
        reason = "i/o timeout"
    except (OSError, ValueError) as error:
        reason = errno_text(error) if isinstance(error, OSError) and error.errno else str(error)
    place = join_host_port(address, port)
    if protocol == "udp":
        return "errors", f"reading from udp connection failed. err:'read udp {place}: {reason}'"
    return "errors", f'Get "http://{place}/{asked}": dial tcp {place}: {reason}'


def _ask_udp(address: str, port: int, asked: str, dialler: Dialler) -> str:
    with dialler.connect(address, port, socket.SOCK_DGRAM, TRY_SECONDS) as sock:
        sock.send(asked.encode())
        return sock.recv(MAX_REPLY).decode(errors="replace")


def ask_http(address: str, port: int, asked: str, dialler: Dialler) -> str:
    """Return the body of one answer, whatever its status, as netexec does; errors as of ``get``."""
    return get(address, port, asked, dialler)[1]


def get(address: str, port: int, asked: str, dialler: Dialler) -> tuple[int, str]:
    """Return status and body of one answer; OSError, ValueError."""
    path = asked.replace("\r", "").replace("\n", "").replace(" ", "%20")
    return _exchange(address, port, f"GET /{path}", b"", dialler)


def post_json(address: str, port: int, path: str, document: object, dialler: Dialler) -> str:
    """Return the body of the answer to a document, whatever its status; OSError, ValueError."""
    content = json.dumps(document, separators=(",", ":")).encode()
    return _exchange(address, port, f"POST {path}", content, dialler)[1]


def _exchange(address: str, port: int, request: str, content: bytes, dialler: Dialler) -> tuple[int, str]:
    host = join_host_port(address, port)
    kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
    head = f"{request} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: agnhost\r\n{kind}Connection: close\r\n\r\n"
    deadline = time.monotonic() + TRY_SECONDS
    received = bytearray()
    with dialler.connect(address, port, socket.SOCK_STREAM, TRY_SECONDS) as sock:
        sock.sendall(head.encode() + content)
        while chunk := sock.recv(65536):
            received += chunk
            if len(received) > MAX_REPLY or time.monotonic() > deadline:
                raise TimeoutError
    answer, _, body = bytes(received).partition(b"\r\n\r\n")
    status = _STATUS.match(answer)
    if status is None:
        message = "malformed HTTP response" if received else "EOF"
        raise ValueError(message)
    if b"\r\ntransfer-encoding: chunked" in answer.lower():
        body = _without_chunks(body)
    return int(status[1]), body.decode(errors="replace")


def _without_chunks(body: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0] or b"0", 16)
        if not length:
            return b"".join(parts)
        parts.append(body[:length])
        body = body[length + 2 :]


def is_of_a_web_page(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser sends the request for a web page: by its headers, or as Host is a name of the internet."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return True
    host = headers.get("host", "")
    name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    return not (_is_address(name) or "." not in name or ".svc" in f"{name}.")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""What goes in and out of the API server, without any IO: a request, and the three kinds of answer to it. Pure.

``handle(Request) -> Response | Watch | Session | Proxied``: a Response is complete; a Watch is a stream of the Store's
events that the server writes as they come; a Session is a connection that is handed over to the kubelet (logs, exec,
attach, port-forward); what is Proxied goes on to a pod, with its body, and the pod answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from kubeapi.scheme import Resource
from kubeapi.store import WatchEvent
from kubeapiserver.auth.authorization import ADMINISTRATOR, User

JSON_TYPE = "application/json"
YAML_TYPE = "application/yaml"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``headers`` are by lower-case name; ``query`` keeps repeated parameters in order."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = ADMINISTRATOR
    target: str = ""
    """Path and query as they were sent, every escape kept."""

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        """Return the request for a request target such as ``/api/v1/pods?watch=1``."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        return cls(
            method, unquote(parts.path), query, {k.lower(): v for k, v in (headers or {}).items()}, body, target=target
        )

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def has_flag(self, name: str) -> bool:
        """Tell whether a boolean query parameter is there and not false (runtime.Convert_Slice_string_To_bool)."""
        return name in self.query and self.get(name).lower() not in ("0", "false")


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """Events of one resource after ``resource_version``.

    ``initial`` is written first; ``encode`` turns an event into one line, or None when the watcher is not to see it;
    ``bookmark`` makes the line that tells a resourceVersion, None when none were asked for. ``timeout_seconds`` 0 is
    for ever; a watch that ``is_over`` has nothing after ``initial``.
    """

    resource: Resource
    resource_version: int
    initial: Sequence[bytes]
    encode: Callable[[WatchEvent], bytes | None]
    bookmark: Callable[[int], bytes] | None
    timeout_seconds: float
    is_over: bool = False


SessionKind = Literal["log", "exec", "attach", "portforward"]


@dataclass(frozen=True, slots=True)
class Session:
    """A connection to a container: validated, and ready to be served by the kubelet."""

    kind: SessionKind
    namespace: str
    pod: str
    container: str
    command: tuple[str, ...] = ()
    has_stdin: bool = False
    has_stdout: bool = False
    has_stderr: bool = False
    is_tty: bool = False
    ports: tuple[int, ...] = ()
    """Of port-forward over a plain WebSocket; with SPDY the streams name them."""
    is_following: bool = False
    is_previous: bool = False
    has_timestamps: bool = False
    tail_lines: int | None = None
    since_seconds: float | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Proxied:
    """A request that goes on to ``host:port``, which is a pod's of ``namespace`` if ``pod`` is not "".

    ``path`` and ``query`` are escaped as the client did; ``prefix`` is the path of the proxy before them, with which
    links that come back begin.
    """

    scheme: str
    namespace: str
    pod: str
    host: str
    port: int
    prefix: str
    path: str
    query: str


Answer = Response | Watch | Session | Proxied

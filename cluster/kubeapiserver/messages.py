"""Requests to the API server and the kinds of answer, without any IO. Pure.

A ``Response`` is complete. A ``Watch`` is a stream of the Store's events, written as they come. A ``Session`` is a
connection to a container (logs, exec, attach, port-forward), served by the kubelet. ``Proxied`` says where to forward
the request, with its body; the answer is the pod's. ``Delegated`` is the same for an extension API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from kubeapi.meta import ObjectKey
from kubeapi.objects.apiservice import APIService
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.scheme import Resource
from kubeapi.users import ADMINISTRATOR, User
from kubeapi.watching import WatchEvent
from kubeapi.webhooks.calls import Reviews

JSON_TYPE = "application/json"
YAML_TYPE = "application/yaml"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
TEXT_TYPE = "text/plain; charset=utf-8"


class Form(NamedTuple):
    """The form of an answer: the object, a Table, or its metadata alone.

    ``version`` is the version of meta.k8s.io in which a Table or PartialObjectMetadata is written.
    """

    shape: Literal["Object", "Table", "Partial"]
    version: str = "v1"
    media: str = JSON_TYPE


OBJECT = Form("Object")


class Request(NamedTuple):
    """One HTTP request. ``headers`` have lower-case names; ``query`` keeps repeated parameters in order."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    user: User = ADMINISTRATOR
    target: str = ""
    """Path and query as sent, with every escape."""
    reviews: Reviews | None = None
    """What webhooks have answered in earlier attempts at the request."""

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        """Return the request for a request target such as ``/api/v1/pods?watch=1``."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        lower = {name.lower(): value for name, value in headers.items()} if headers else {}
        return cls(method, unquote(parts.path), query, lower, body, target=target)

    @property
    def media_type(self) -> str:
        """The body's media type without parameters; JSON when none is stated."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() or JSON_TYPE

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def has_flag(self, name: str) -> bool:
        """Tell whether a boolean query parameter is present and not false (runtime.Convert_Slice_string_To_bool)."""
        return name in self.query and self.get(name).lower() not in ("0", "false")


class Response(NamedTuple):
    """An HTTP response with its whole body."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Sequence[tuple[str, str]] = ()


class Watch(NamedTuple):
    """Events of one resource after ``resource_version``.

    ``initial`` is written first. ``encode`` returns the line of an event, None if the watcher does not see the event.
    ``bookmark`` returns the line of a BOOKMARK event; it is None if the client did not ask for bookmarks.
    ``timeout_seconds`` 0 means no limit. A watch that ``is_over`` ends after ``initial``. ``media`` is the type of the
    stream.
    """

    resource: Resource
    resource_version: int
    initial: Sequence[bytes]
    encode: Callable[[WatchEvent], bytes | None]
    bookmark: Callable[[int], bytes] | None
    timeout_seconds: float
    is_over: bool = False
    media: str = JSON_TYPE
    headers: Sequence[tuple[str, str]] = ()


class LogSession(NamedTuple):
    """A validated request for a container's log; ``limit_bytes`` None is no limit."""

    pod: ObjectKey
    options: PodLogOptions
    limit_bytes: int | None = None


class CommandSession(NamedTuple):
    """A validated request to run a command in a container, or, without a command, to attach to the container."""

    pod: ObjectKey
    options: PodExecOptions
    has_stdout: bool = False
    has_stderr: bool = False


class PortForwardSession(NamedTuple):
    """A validated request to forward connections to a pod.

    ``ports`` is for a plain WebSocket; with SPDY the streams name their ports.
    """

    pod: ObjectKey
    ports: tuple[int, ...] = ()


Session = LogSession | CommandSession | PortForwardSession
"""A connection to a container, which the kubelet serves."""


class Proxied(NamedTuple):
    """A request to be forwarded to ``host:port``, which belongs to ``pod`` of ``namespace`` unless that is "".

    ``path`` and ``query`` keep the client's escapes. ``prefix`` is the path of the proxy before them; links in the
    answer are given it.
    """

    scheme: str
    namespace: str
    pod: str
    host: str
    port: int
    prefix: str
    path: str
    query: str


class Delegated(NamedTuple):
    """A request of ``user`` that the extension API server of an APIService answers, body and all."""

    api: APIService
    user: User


Answer = Response | Watch | Session | Proxied | Delegated

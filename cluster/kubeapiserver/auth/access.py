"""Access to the server: the bearer token, and the Host and Origin headers. Pure.

Without a token only the health paths are open (kube-apiserver's ``system:public-info-viewer``, without /version).
The checks of Host and Origin stop web pages, also by DNS rebinding, from reaching a server that starts processes. Two
origins are allowed: the server's own, which Python's websocket-client sends with every WebSocket; and any origin of a
WebSocket with the token in its Authorization header, as no web page can set that (Go's x/net/websocket sends
http://localhost).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from kubeapi.status import StatusError
from kubeapiserver.errors import ForbiddenRequest, Unauthorized

PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz"})
"""Paths that need no token."""

_BEARER = "bearer "


class Access:
    """The server's token and host names. Ports in Host headers are ignored, as the server's port may be forwarded."""

    def __init__(self, token: str, hosts: Iterable[str]) -> None:
        self._token = token.encode()
        self._hosts = frozenset(each.lower() for each in hosts)

    def refusal(self, path: str, headers: Mapping[str, str]) -> StatusError | None:
        """Return the error for a request that is refused, None otherwise; ``headers`` have lower-case names."""
        if host_of(headers.get("host", "")) not in self._hosts:
            return ForbiddenRequest("the Host header is not a name of this API server")
        has_token = self._has_token(headers.get("authorization", ""))
        if headers.get("origin") not in (None, f"https://{headers['host']}") and not (
            has_token and headers.get("upgrade", "").lower() == "websocket"
        ):
            return ForbiddenRequest("requests of web pages (Origin header) are not allowed")
        if has_token or path.rstrip("/") in PUBLIC_PATHS:
            return None
        return Unauthorized()

    def _has_token(self, authorization: str) -> bool:
        if authorization[: len(_BEARER)].lower() != _BEARER:
            return False
        given = authorization[len(_BEARER) :].strip().encode(errors="surrogateescape")
        return hmac.compare_digest(given, self._token)  # in constant time


def host_of(header: str) -> str:
    """Return the host of a Host header in lower case, without port, brackets and final dot."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")

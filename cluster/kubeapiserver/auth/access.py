"""Who may ask at all: the bearer token, the Host header, and no web page. Pure.

Follows kube-apiserver's ``system:public-info-viewer`` for what strangers may see, but for /version. The checks of Host
and Origin keep a web page, also one whose name was rebound to 127.0.0.1, from a server that starts processes. The
server's own origin passes: it has no pages, and Python's websocket-client sends it with every WebSocket. So does any
other of a WebSocket with the token in its Authorization header, which no web page can set: Go's x/net/websocket sends
http://localhost.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from kubeapi.status import StatusError

PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz"})
"""What answers without a token."""

_BEARER = "bearer "


class Access:
    """Decides by token and by the names that the server has; ports do not count, as they may be forwarded."""

    def __init__(self, token: str, hosts: Iterable[str]) -> None:
        self._token = token.encode()
        self._hosts = frozenset(each.lower() for each in hosts)

    def refusal(self, path: str, headers: Mapping[str, str]) -> StatusError | None:
        """Return why the request is refused, None if it may pass; ``headers`` are by lower-case name."""
        if host_of(headers.get("host", "")) not in self._hosts:
            return _forbidden("the Host header is not a name of this API server")
        has_token = self._has_token(headers.get("authorization", ""))
        if headers.get("origin") not in (None, f"https://{headers['host']}") and not (
            has_token and headers.get("upgrade", "").lower() == "websocket"
        ):
            return _forbidden("requests of web pages (Origin header) are not allowed")
        if has_token or path.rstrip("/") in PUBLIC_PATHS:
            return None
        return StatusError(401, "Unauthorized", "Unauthorized")

    def _has_token(self, authorization: str) -> bool:
        if authorization[: len(_BEARER)].lower() != _BEARER:
            return False
        given = authorization[len(_BEARER) :].strip().encode(errors="surrogateescape")
        return hmac.compare_digest(given, self._token)


def host_of(header: str) -> str:
    """Return the host of a Host header in lower case, without port and brackets."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _forbidden(detail: str) -> StatusError:
    return StatusError(403, "Forbidden", f"forbidden: {detail}")

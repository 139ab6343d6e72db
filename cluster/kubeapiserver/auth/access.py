"""Access to the server: the bearer token, and the Host and Origin headers. Pure.

Without a token only the health paths are open (kube-apiserver's ``system:public-info-viewer``, without /version).
The checks of Host and Origin stop web pages, also by DNS rebinding, from reaching a server that starts processes. Two
origins are allowed: the server's own, which Python's websocket-client sends with every WebSocket; and any origin of a
WebSocket with the token in its Authorization header, as no web page can set that (Go's x/net/websocket sends
http://localhost).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeapi.status import StatusError
from kubeapi.users import User
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.errors import ForbiddenRequest, Unauthorized

PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz"})
"""Paths that need no token."""


class Access:
    """The server's tokens and host names. Ports in Host headers are ignored, as the server's port may be forwarded."""

    def __init__(self, authenticator: Authenticator, hosts: Iterable[str]) -> None:
        self._authenticator = authenticator
        self._hosts = frozenset(each.lower() for each in hosts)

    def admit(self, path: str, headers: Mapping[str, str]) -> User | StatusError | None:
        """Return the user of a request, None for one that needs none, or the error if it is refused.

        ``headers`` have lower-case names.
        """
        if host_of(headers.get("host", "")) not in self._hosts:
            return ForbiddenRequest("the Host header is not a name of this API server")
        user = self._authenticator.user(headers)
        if headers.get("origin") not in (None, f"https://{headers['host']}") and not (
            user is not None and headers.get("upgrade", "").lower() == "websocket"
        ):
            return ForbiddenRequest("requests of web pages (Origin header) are not allowed")
        if user is not None or path.rstrip("/") in PUBLIC_PATHS:
            return user
        return Unauthorized()


def host_of(header: str) -> str:
    """Return the host of a Host header in lower case, without port, brackets and final dot."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")

"""The header lines that an answer gets besides its own: the endpoint's name, and the affinity cookie. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeproxy.loadbalancing.cookies import session_id, set_cookie
from kubeproxy.types import ServicePort
from kubeproxy.userspace.http.exchange import Exchange

Extra = Callable[[Exchange], bytes]


def extra_lines(port: ServicePort, *, shows_endpoint: bool) -> Extra | None:
    """Return what makes the lines for the answer of an exchange's endpoint, None if there are none to make.

    The cookie is set where the client does not have it: it is new, or its endpoint has left or has failed.
    """
    name = port.affinity_cookie

    def make(exchange: Exchange) -> bytes:
        lines = b"X-Kubesvc-Endpoint: %b\r\n" % exchange.endpoint.encode() if shows_endpoint else b""
        session = session_id(port.name, exchange.endpoint) if name else ""
        if session == exchange.record.session:
            return lines
        is_secure = exchange.request.special.get(b"x-forwarded-proto", b"").lower() == b"https"
        return lines + set_cookie(name, session, port.cookie_max_age, is_secure=is_secure)

    return make if name or shows_endpoint else None

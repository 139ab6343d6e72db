"""Affinity cookies: the id by which an endpoint is named to its client, and the header field that sets it. Pure.

As with HAProxy's ``dynamic-cookie-key`` an id is a hash of the endpoint's address, here keyed by the Service port:
every worker and the next run of the cluster know it, nothing is stored, and it does not say which pod it is. It is no
secret: it can be computed from the addresses. The attributes are those of ingress-nginx: ``Path=/; HttpOnly``,
``Secure`` where the client's request came by TLS, ``Max-Age`` where the Service asks for one. There is no ``SameSite``:
ingress-nginx, HAProxy, Envoy and Traefik send none unless they are told to, and browsers take that for ``Lax``.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from kubeproxy.types import ServicePortName

_ID_BYTES = 8


@lru_cache(65536)
def session_id(port_name: ServicePortName, address: str) -> str:
    """Return the id of the endpoint ``address`` (``ip:port``) of a Service port: 16 hexadecimal digits."""
    name = f"{port_name} {port_name.protocol}".encode()
    return blake2b(address.encode(), digest_size=_ID_BYTES, key=blake2b(name).digest()).hexdigest()


def set_cookie(name: str, value: str, max_age: str, *, is_secure: bool) -> bytes:
    """Return the line of a head that has the client keep a cookie, with its line end."""
    age = f"; Max-Age={max_age}" if max_age else ""
    return f"Set-Cookie: {name}={value}; Path=/; HttpOnly{age}{'; Secure' if is_secure else ''}\r\n".encode()

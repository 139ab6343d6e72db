"""The server or proxy that a URL names, and what requests to it begin with. Pure. RFC 3986, RFC 9112 3."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from kubehost.addresses import in_brackets

HTTP, HTTPS = "http", "https"
_PORTS = {HTTP: 80, HTTPS: 443}
_OF_PATHS = "/%:@!$&'()*+,;=~"
"""What stays as it is in a path; its percent signs are those of bytes that are quoted already."""


class Endpoint(NamedTuple):
    """A server. ``path`` has no slash at its end; ``authorization`` is of the URL's credentials, "" without any."""

    scheme: str
    host: str
    port: int
    path: str = ""
    authorization: str = ""

    @property
    def place(self) -> str:
        """HOST:PORT."""
        return f"{in_brackets(self.host)}:{self.port}"

    @property
    def authority(self) -> str:
        """The value of the header Host: without the port that the scheme has anyhow."""
        return in_brackets(self.host) if self.port == _PORTS[self.scheme] else self.place

    @property
    def url(self) -> str:
        """The URL without path and credentials."""
        return f"{self.scheme}://{self.authority}"

    def target(self, path: str, params: Mapping[str, str]) -> str:
        """Return the path and query of a request."""
        quoted = quote(self.path + path, safe=_OF_PATHS) or "/"
        return f"{quoted}?{urlencode(params)}" if params else quoted


def endpoint_of(url: str) -> Endpoint:
    """Return the server that a URL of http or https names; ValueError for any other text."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        message = f"{url!r} is no URL of http or https"
        raise ValueError(message)
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    authorization = f"Basic {base64.b64encode(pair.encode()).decode()}" if pair else ""
    return Endpoint(parts.scheme, host, parts.port or _PORTS[parts.scheme], parts.path.rstrip("/"), authorization)


def is_url(text: str) -> bool:
    """Tell whether a text is a URL of http or https with a host, and a port that there can be."""
    try:
        endpoint_of(text)
    except ValueError:
        return False
    return True

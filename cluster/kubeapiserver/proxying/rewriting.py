"""Changes to requests and answers that the API server forwards: headers, and links in HTML pages. Pure.

A page's links to its own host get the prefix of the proxy's path, so that a browser stays behind the proxy. Follows
apimachinery ``pkg/util/proxy/transport.go`` and net/http/httputil's ReverseProxy.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit, urlunsplit

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "proxy-connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_OURS = frozenset(("accept-encoding", "authorization", "content-length", "expect"))
"""Request headers that are not forwarded: the token is only for the API server, and links in compressed pages cannot
be read; the others are set again."""

Headers = list[tuple[str, str]]

_LINKS = {
    "a": {"href"},
    "area": {"href"},
    "audio": {"src"},
    "base": {"href"},
    "blockquote": {"cite"},
    "body": {"background"},
    "button": {"formaction"},
    "del": {"cite"},
    "embed": {"src"},
    "form": {"action"},
    "frame": {"longdesc", "src"},
    "head": {"profile"},
    "html": {"manifest"},
    "iframe": {"longdesc", "src"},
    "img": {"longdesc", "src", "usemap"},
    "input": {"src", "usemap", "formaction"},
    "ins": {"cite"},
    "link": {"href"},
    "object": {"classid", "codebase", "data", "usemap"},
    "q": {"cite"},
    "script": {"src"},
    "source": {"src"},
    "video": {"poster", "src"},
}
"""Which attributes of which elements are links."""

_INSIDE = r"((?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)>"
_TAG = re.compile(
    rf"<!--.*?-->|<(script|style)\b{_INSIDE}.*?(?=</\1|\Z)|<([a-z][a-z0-9]*)\b{_INSIDE}", re.DOTALL | re.IGNORECASE
)
"""A comment; a script or style element up to its end, as its text is not HTML; or any other start tag."""
_ATTRIBUTE = re.compile(r"([^\s=\"'/>]+)(\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")


def forwarded_headers(headers: Iterable[tuple[str, str]], client: str, uri: str) -> Headers:
    """Return the headers of a forwarded request; ``uri`` is the path that the client asked for."""
    received = list(headers)
    dropped = _HOP_BY_HOP | _OURS | _named_in_connection(received)
    kept = [(name, value) for name, value in received if name.lower() not in dropped]
    before = ", ".join(value for name, value in kept if name.lower() == "x-forwarded-for")
    kept = [(name, value) for name, value in kept if name.lower() not in ("x-forwarded-for", "x-forwarded-uri")]
    return [*kept, ("X-Forwarded-For", f"{before}, {client}" if before else client), ("X-Forwarded-Uri", uri)]


def returned_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers of the answer to the client."""
    received = list(headers)
    dropped = _HOP_BY_HOP | _named_in_connection(received)
    return [(name, value) for name, value in received if name.lower() not in dropped]


def is_page(content_type: str) -> bool:
    """Tell whether a body is HTML: its links are rewritten."""
    return content_type.partition(";")[0].strip() == "text/html"


def rewritten_url(url: str, prefix: str, hosts: Iterable[str]) -> str:
    """Return an absolute link to one of ``hosts`` as a link through the proxy, any other link unchanged."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if (parts.netloc and parts.netloc not in hosts) or not parts.path.startswith("/"):
        return url
    path = parts.path if parts.path.startswith(prefix) else prefix + parts.path
    return urlunsplit(("", "", path, parts.query, parts.fragment))


def rewritten_page(page: str, rewrite: Callable[[str], str]) -> str:
    """Return HTML with every link rewritten; everything outside start tags stays unchanged."""

    def tag(found: re.Match[str]) -> str:
        group = 1 if found[1] else 3
        links = _LINKS.get((found[group] or "").lower())
        if not links:
            return found[0]
        inside = _ATTRIBUTE.sub(lambda each: _attribute(each, links, rewrite), found[group + 1])
        begin, end = found.span(group + 1)
        return f"{found[0][: begin - found.start()]}{inside}{found[0][end - found.start() :]}"

    return _TAG.sub(tag, page)


def _attribute(found: re.Match[str], links: set[str], rewrite: Callable[[str], str]) -> str:
    if found[1].lower() not in links:
        return found[0]
    value = found[3]
    is_quoted = value[0] in "\"'"
    before = html.unescape(value[1:-1] if is_quoted else value)
    after = rewrite(before)
    return found[0] if after == before else f'{found[1]}{found[2]}"{html.escape(after)}"'


def _named_in_connection(headers: list[tuple[str, str]]) -> frozenset[str]:
    """Return the names of hop-by-hop headers in the header Connection (RFC 9110 section 7.6.1)."""
    values = (value for name, value in headers if name.lower() == "connection")
    return frozenset(each.strip().lower() for value in values for each in value.split(","))

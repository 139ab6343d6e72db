"""URLs (apiserver ``library/urls.go``: absolute ones, and absolute paths). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from kubeapi.cel.declarations import Function, define, type_named
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.types import Type

_PORT = re.compile(r":(\d*)$")


@dataclass(frozen=True, slots=True)
class Url:
    """A URL."""

    text: str
    parts: SplitResult
    cel_type: ClassVar[Type] = type_named("url")

    @property
    def host(self) -> str:
        """Host and port."""
        return self.parts.netloc.rpartition("@")[2]

    @property
    def hostname(self) -> str:
        """The host alone, without the brackets of IPv6."""
        return _PORT.sub("", self.host).removeprefix("[").removesuffix("]")


def _read(text: str) -> Url:
    detail = f'URL parse error during conversion from string: parse "{text}": '
    if not text:
        raise EvaluationError(f"{detail}empty url")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise EvaluationError(f"{detail}{error}") from None
    if any(ord(each) < 0x20 or each == "\x7f" for each in text):
        raise EvaluationError(f"{detail}net/url: invalid control character in URL")
    if not parts.scheme and not text.startswith("/"):
        raise EvaluationError(f"{detail}invalid URI for request")
    if " " in parts.netloc:
        raise EvaluationError(f'{detail}invalid character " " in host name')
    return Url(text, parts)


def _is_url(text: str) -> bool:
    try:
        _read(text)
    except EvaluationError:
        return False
    return True


def _query(url: Url) -> dict[str, list[str]]:
    return parse_qs(url.parts.query, keep_blank_values=True)


URLS: tuple[Function, ...] = (
    define("url", "(string) url", _read),
    define("isURL", "(string) bool", _is_url),
    define("getScheme", "url.() string", lambda url: url.parts.scheme),
    define("getHost", "url.() string", lambda url: url.host),
    define("getHostname", "url.() string", lambda url: url.hostname),
    define("getPort", "url.() string", lambda url: found[1] if (found := _PORT.search(url.host)) else ""),
    define("getEscapedPath", "url.() string", lambda url: quote(url.parts.path, safe="/%:@!$&'()*+,;=~")),
    define("getQuery", "url.() map(string, list(string))", _query),
)

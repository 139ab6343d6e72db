"""The paths of requests: as rules are compared with them, and as they are rewritten. Pure.

nginx compares a normalized path (RFC 3986 6.2.2: percent-encoding undone, dot segments resolved, slashes merged) with
its locations, and passes the path on as it came unless it is rewritten; so does this.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

_UNUSUAL = re.compile(rb"[%]|//|/\.")
_SLASHES = re.compile("/{2,}")
_SAFE = "/:@!$&'()*+,;=~"
"""What RFC 3986 3.3 allows in a path unencoded, beside letters, digits and -._."""


def normalized(target: bytes) -> str | None:
    """Return the path of a request target, normalized; None if it leads above the root, which nginx answers 400."""
    path = target.partition(b"?")[0]
    if not _UNUSUAL.search(path):
        return path.decode("utf-8", "replace")
    text = _SLASHES.sub("/", unquote_to_bytes(path).decode("utf-8", "replace"))
    if not text.startswith("/"):
        return text
    kept: list[str] = []
    first, *segments = text.split("/")
    for segment in segments:
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    ends_in_folder = segments[-1] in (".", "..")
    return "/".join((first, *kept)) + ("/" if ends_in_folder else "") or "/"


class Rewrite(NamedTuple):
    """nginx' ``rewrite "(?i)PATH" TARGET break``: the target takes the place of the whole path.

    ``parts`` are the target's texts and, between them, the numbers of the groups whose text comes there.
    """

    pattern: re.Pattern[str]
    parts: tuple[str | int, ...]

    def apply(self, path: str, target: bytes) -> bytes:
        """Return the new request target for ``target``, whose normalized path is ``path``.

        The old query stays, unless the rewrite-target ends with "?". A path that does not match stays as it is.
        """
        found = self.pattern.search(path)
        if found is None:
            return target
        groups = found.re.groups
        text = "".join(
            each if isinstance(each, str) else (found[each] or "" if each <= groups else "") for each in self.parts
        )
        new_path, mark, arguments = text.partition("?")
        new_path = quote(new_path if new_path.startswith("/") else f"/{new_path}", safe=_SAFE)
        if mark and not arguments:
            return new_path.encode()
        both = b"&".join(filter(None, (arguments.encode(), target.partition(b"?")[2])))
        return new_path.encode() + (b"?" + both if both else b"")


def rewrite_of(path: str, target: str) -> Rewrite:
    """Return the rewriting of an Ingress' path by its rewrite-target; re.error if the path is no regular expression."""
    pieces = re.split(r"\$\{?([1-9])\}?", target)
    parts = tuple(int(each) if index % 2 else each for index, each in enumerate(pieces))
    return Rewrite(re.compile(path, re.IGNORECASE), tuple(each for each in parts if each != ""))

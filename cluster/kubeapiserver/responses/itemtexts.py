"""The text of objects as items of a list, kept for the next list. Pure.

Clients list the same objects again and again, and encoding is most of what a list costs. A resourceVersion is of one
write of one object, so a text that was made for it stays right.
"""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapiserver.responses.statuses import encode

KEPT_BYTES = 16 * 1024 * 1024
"""Bytes of the texts that are kept at most: twice those of a list of 3,500 usual pods, or of one that is larger."""

_Key = tuple[str, str, str]


class ItemTexts:
    """Encodes items without kind and apiVersion, which a list states once.

    Texts are kept in two generations: when the young one has half of ``limit`` bytes it becomes the old one, and what
    the old one had and nobody has asked for since is dropped.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._half = limit // 2
        self._young: dict[_Key, bytes] = {}
        self._old: dict[_Key, bytes] = {}
        self._bytes = 0

    def text(self, obj: JSON) -> bytes:
        """Return an object's text; without uid and resourceVersion it is stored nowhere, so it is encoded anew."""
        metadata = obj["metadata"]
        uid, version = metadata.get("uid"), metadata.get("resourceVersion")
        if not uid or not version:
            return _item(obj)
        key = (obj["kind"], uid, version)
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key) or _item(obj)
            self._keep(key, found)
        return found

    def kept_bytes(self) -> int:
        """Return the bytes of the texts that are kept."""
        return sum(map(len, {**self._old, **self._young}.values()))

    def _keep(self, key: _Key, text: bytes) -> None:
        if len(text) > self._half:
            return
        if self._bytes + len(text) > self._half:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = text
        self._bytes += len(text)


def _item(obj: JSON) -> bytes:
    return encode({field: value for field, value in obj.items() if field not in ("kind", "apiVersion")})

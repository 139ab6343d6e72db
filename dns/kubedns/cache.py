"""Ready responses by the bytes of their question, each until an object that it was made from changes.

The key is the packet but for its id, so a hit needs no parsing: flags, spelling, type, class and EDNS are all in it.
An entry goes when one of its owners changes, and only then; TTLs concern the clients. A question is kept when it
is asked for the second time: most of those that come once (search paths, 0x20, random names) never come again, and
keeping them costs more than answering them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubedns.packets.responses import Dated, Response
from kubedns.types import Owner

CACHE_LIMIT = 16_384
"""Entries, and questions remembered as asked once; a full cache is emptied, and hot names soon return."""


Key = bytes | tuple[bytes]
"""A packet from its third byte on; in a tuple when it came over TCP, where a response has more room."""


class Entry:
    """A response in all its ``variants``, or () for one that is rendered anew; ``counter`` counts its use.

    ``only`` is the one variant of a response that has one: most have, and a hit reads nothing else.
    """

    __slots__ = ("_response", "_variants", "counter", "only", "owners")

    def __init__(
        self, variants: tuple[bytes, ...], response: Response | Dated, counter: list[int], owners: tuple[Owner, ...]
    ) -> None:
        self.only = variants[0] if len(variants) == 1 else None
        self._variants = variants
        self._response = response
        self.counter = counter
        self.owners = owners

    def any(self, random: Callable[[], float]) -> bytes:
        """Return the response with its addresses in random order."""
        if self._variants:
            return self._variants[int(random() * len(self._variants))]
        return self._response.render(random)


class ResponseCache:
    """Entries by key, and keys by owner. ``entries`` may be read directly, and only read."""

    def __init__(self, limit: int = CACHE_LIMIT) -> None:
        self.entries: dict[Key, Entry] = {}
        self._limit = limit
        self._keys: dict[Owner, set[Key]] = {}
        self._asked: set[int] = set()

    def is_wanted(self, key: Key) -> bool:
        """Tell whether a question has been asked before, so that its response is worth keeping; remembers it."""
        mark = hash(key)
        if mark in self._asked:
            return True
        if len(self._asked) >= self._limit:
            self._asked.clear()
        self._asked.add(mark)
        return False

    def put(self, key: Key, entry: Entry) -> None:
        """Keep an entry that is not there yet."""
        if len(self.entries) >= self._limit:
            self.clear()
        self.entries[key] = entry
        for owner in entry.owners:
            keys = self._keys.get(owner)
            if keys is None:
                self._keys[owner] = {key}
            else:
                keys.add(key)

    def drop(self, owners: Iterable[Owner]) -> None:
        """Forget what was made from any of the owners."""
        for owner in owners:
            for key in self._keys.pop(owner, ()):
                self._forget(key, owner)

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()
        self._keys.clear()

    def _forget(self, key: Key, owner: Owner) -> None:
        entry = self.entries.pop(key)
        for other in set(entry.owners) - {owner}:
            keys = self._keys[other]
            keys.remove(key)
            if not keys:
                del self._keys[other]

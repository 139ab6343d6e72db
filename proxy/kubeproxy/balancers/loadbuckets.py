"""Backends by their load, so that the next of the least loaded ones is found without looking at all of them. Pure.

A backend is known by its place in the list. Each load that occurs has a bucket with the places of its backends, as bits
in words of 64; a second number has a bit for each word that is not empty. So the first one from a place on is found by
arithmetic on two numbers, and memory does not depend on how many loads there are: each place is in one bucket.
"""

from __future__ import annotations

from collections.abc import Iterable

_SHIFT, _MASK = 6, 63


class _Bucket:
    __slots__ = ("summary", "words")

    def __init__(self) -> None:
        self.words: dict[int, int] = {}
        self.summary = 0

    def add(self, place: int) -> None:
        word = place >> _SHIFT
        self.words[word] = self.words.get(word, 0) | 1 << (place & _MASK)
        self.summary |= 1 << word

    def remove(self, place: int) -> None:
        word = place >> _SHIFT
        left = self.words[word] ^ 1 << (place & _MASK)
        if left:
            self.words[word] = left
        else:
            del self.words[word]
            self.summary ^= 1 << word


class LoadBuckets:
    """The loads of backends at the places 0, 1, 2 and so on; each call costs the same for any number of them."""

    __slots__ = ("_buckets", "_least", "_loads")

    def __init__(self, loads: Iterable[int]) -> None:
        self._loads = list(loads)
        self._buckets: dict[int, _Bucket] = {}
        for place, load in enumerate(self._loads):
            self._bucket(load).add(place)
        self._least = min(self._loads, default=0)

    def change(self, place: int, by: int) -> None:
        """Record that a load has changed by 1 or -1."""
        before = self._loads[place]
        after = self._loads[place] = before + by
        bucket = self._buckets[before]
        bucket.remove(place)
        self._bucket(after).add(place)
        if not bucket.summary:
            del self._buckets[before]
        # Where the bucket of the least load has become empty, the next one has the backend that has left it.
        if after < self._least or (before not in self._buckets and before == self._least):
            self._least = after

    def first_of_least(self, start: int) -> int:
        """Return the place of the least loaded one that comes first from ``start`` on, around the end of the list."""
        bucket = self._buckets[self._least]
        words, summary, word = bucket.words, bucket.summary, start >> _SHIFT
        rest = words.get(word, 0) >> (start & _MASK)
        if rest:
            return start + (rest & -rest).bit_length() - 1
        later = summary >> word + 1 << word + 1 or summary
        word = (later & -later).bit_length() - 1
        rest = words[word]
        return (word << _SHIFT) + (rest & -rest).bit_length() - 1

    def _bucket(self, load: int) -> _Bucket:
        bucket = self._buckets.get(load)
        if bucket is None:
            bucket = self._buckets[load] = _Bucket()
        return bucket

"""Backends by their load, so that the next of the least loaded ones is found without looking at all of them. Pure.

A backend is known by its place in the list. Each load that occurs has a bucket with the places of its backends, as bits
of one number. Of many backends they are in words of 64; a second number has a bit for each word that is not empty. So
the first one from a place on is found by arithmetic on one or two numbers, and memory does not depend on how many loads
there are: each place is in one bucket.
"""

from __future__ import annotations

from collections.abc import Iterable

FEW = 256
"""Backends whose bits are one number: arithmetic on it costs less than a look at words."""
_SHIFT, _MASK = 6, 63


def load_buckets(loads: Iterable[int]) -> FewLoads | LoadBuckets:
    """Return the buckets of backends at the places 0, 1, 2 and so on."""
    known = list(loads)
    return FewLoads(known) if len(known) <= FEW else LoadBuckets(known)


class FewLoads:
    """``LoadBuckets`` of few backends, at a third of the cost."""

    __slots__ = ("_bits", "_least", "_loads")

    def __init__(self, loads: Iterable[int]) -> None:
        self._loads = list(loads)
        self._bits: dict[int, int] = {}
        for place, load in enumerate(self._loads):
            self._bits[load] = self._bits.get(load, 0) | 1 << place
        self._least = min(self._loads, default=0)

    def set(self, place: int, load: int) -> None:
        """Record the load that a backend has now."""
        before, bits, bit = self._loads[place], self._bits, 1 << place
        if load == before:
            return
        self._loads[place] = load
        bits[load] = bits[load] | bit if load in bits else bit
        if load < self._least:
            self._least = load
        left = bits[before] ^ bit
        if left:
            bits[before] = left
            return
        del bits[before]
        if before == self._least:
            self._least = load if load == before + 1 else min(bits)

    def first_of_least(self, start: int) -> int:
        """Return the place of the least loaded one that comes first from ``start`` on, around the end of the list."""
        bits = self._bits[self._least]
        later = bits >> start << start or bits
        return (later & -later).bit_length() - 1


class _Bucket:
    __slots__ = ("summary", "words")

    def __init__(self) -> None:
        self.words: dict[int, int] = {}
        self.summary = 0


class LoadBuckets:
    """The loads of backends at the places 0, 1, 2 and so on; each call costs the same for any number of them.

    Only a load that grows by more than one may cost a look at all loads that occur.
    """

    __slots__ = ("_buckets", "_least", "_loads")

    def __init__(self, loads: Iterable[int]) -> None:
        self._loads = list(loads)
        self._buckets: dict[int, _Bucket] = {}
        for place, load in enumerate(self._loads):
            self._put(place >> _SHIFT, 1 << (place & _MASK), load)
        self._least = min(self._loads, default=0)

    def set(self, place: int, load: int) -> None:
        """Record the load that a backend has now."""
        before = self._loads[place]
        if load == before:
            return
        self._loads[place] = load
        word, bit, bucket = place >> _SHIFT, 1 << (place & _MASK), self._buckets[before]
        words = bucket.words
        if words[word] == bit:
            del words[word]
            bucket.summary ^= 1 << word
        else:
            words[word] ^= bit
        self._put(word, bit, load)
        if load < self._least:
            self._least = load
        if bucket.summary:
            return
        del self._buckets[before]
        if before == self._least:
            # Nearly always the load has grown by one, and no other can be less.
            self._least = load if load == before + 1 else min(self._buckets)

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

    def _put(self, word: int, bit: int, load: int) -> None:
        bucket = self._buckets.get(load)
        if bucket is None:
            bucket = self._buckets[load] = _Bucket()
        words = bucket.words
        if word in words:
            words[word] |= bit
        else:
            words[word] = bit
            bucket.summary |= 1 << word

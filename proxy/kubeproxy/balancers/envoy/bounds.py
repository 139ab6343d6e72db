"""Bounded loads as Envoy has them: ``hash_balance_factor``. Pure.

An endpoint may have ceil(ceil((total + 1) * factor / 100) * weight / total weight) connections or requests, at least
one; as Envoy compares with <=, it gets one more. What does not fit goes to the first one with room in an order that
is shuffled by the key (``BoundedLoadHashingLoadBalancer`` in ``thread_aware_lb_impl.cc``); where none has room, to the
one that is filled least.

With several workers each bounds the load of its own connections.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from math import ceil
from random import Random

from kubeproxy.balancers.balancer import Backend, Load

_M = 0xFFFFFFFF
_REMEMBERED = 8
"""Random numbers of a key that are remembered: a seed takes 100 µs, and most keys need one or two numbers."""


class Bounds:
    """How many connections or requests each backend may have; ``total`` is that of all of them, kept by the owner."""

    def __init__(self, factor: int, load: Load) -> None:
        self._factor = factor
        self._load = load
        self._weight = 0
        self.total = 0

    def update(self, backends: Sequence[Backend]) -> None:
        """Bound the loads of ``backends`` from now on."""
        self._weight = sum(each.weight for each in backends)
        self.total = sum(map(self._load, backends))

    def within(self, usable: Sequence[Backend], first: Backend, key: int, avoid: Collection[str] = ()) -> Backend:
        """Return ``first`` if it has room, else another of ``usable`` that is not in ``avoid``, by the key's hash."""
        slots = -(-(self.total + 1) * self._factor // 100)
        least = self._fill(first, slots)
        if least <= 1:
            return first
        best = first
        for place in shuffled(len(usable), key & _M):
            backend = usable[place]
            if backend is first or backend.address in avoid:
                continue
            fill = self._fill(backend, slots)
            if fill <= 1:
                return backend
            if fill < least:
                best, least = backend, fill
        return best

    def _fill(self, backend: Backend, slots: int) -> float:
        """Return how full a backend is: above 1 it has no room."""
        # With Envoy's rounding: 25 slots for a weight of 7 among 25 are 8.
        own = ceil(slots * (backend.weight / self._weight))
        return self._load(backend) / max(own, 1)


def shuffled(count: int, seed: int) -> Iterator[int]:
    """Yield 0 to ``count`` - 1 in the order of Envoy's shuffle by ``std::mt19937`` with a 32-bit seed."""
    moved: dict[int, int] = {}
    numbers = _numbers(seed)
    for place in range(count):
        left = count - place
        width = (1 << 32) // left
        # std::uniform_int_distribution: a number beyond the last whole share is drawn again.
        other = place + next(share for number in numbers if (share := number // width) < left)
        chosen = moved.get(other, other)
        moved[other] = moved.pop(place, place)
        yield chosen


def _numbers(seed: int) -> Iterator[int]:
    """Yield the numbers of ``std::mt19937``, without end."""
    first = _first_numbers(seed)
    yield from first
    source = _mersenne_twister(seed)
    for _ in first:
        source.getrandbits(32)
    while True:
        yield source.getrandbits(32)


@lru_cache(4096)
def _first_numbers(seed: int) -> tuple[int, ...]:
    source = _mersenne_twister(seed)
    return tuple(source.getrandbits(32) for _ in range(_REMEMBERED))


def _mersenne_twister(seed: int) -> Random:
    """Return the generator as C++ seeds it; Python seeds the same one in another way."""
    word, words = seed, [seed]
    for place in range(1, 624):
        word = (1812433253 * (word ^ word >> 30) + place) & _M
        words.append(word)
    source = Random()
    source.setstate((3, (*words, 624), None))
    return source

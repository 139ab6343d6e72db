"""Rendezvous hashing (highest random weight): each endpoint draws for the key, the highest draw wins.

A removed endpoint moves its own keys and no other's. With weights the draw is -weight / ln(u), which gives shares by
weight (Schindelhauer and Schomaker, 2005). u comes from the XXH64 of the key and of the address. Traefik has it as
``hrw``, for the client's address and with another hash.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import log

from kubeapi.balancing import hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.envoy.hashing import hash_text, xxh64
from kubeproxy.balancers.hashing import hashed_text

_M = (1 << 64) - 1
_REMEMBERED = 4096


class Rendezvous(Balancer):
    """Looks at every backend for a new key, and remembers the winners of the last 4096 keys."""

    name = "rendezvous"
    aliases = ("hrw",)
    options = (hash_on(),)
    has_weights = True
    card = Card("the highest draw by key and endpoint", "the key", "O(n); a key seen before: O(1)", "Traefik hrw")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs
        self._text = hashed_text(options)
        self._known: list[tuple[Backend, int]] = []
        self._drawers: Sequence[tuple[int, Backend]] = ()
        self._winners: dict[int, Backend] = {}
        self._is_even = True

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the highest draw for its key"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        known = [(each, each.weight) for each in backends]
        if known == self._known:
            return
        usable = available(backends)
        self._known = known
        self._drawers = [(xxh64(each.address.encode()), each) for each in usable]
        self._winners.clear()
        self._is_even = len({each.weight for each in usable}) <= 1

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        key = hash_text(self._text(ask))
        winner = self._winners.get(key)
        if winner is None:
            if not self._drawers:
                return None
            winner = self._draw(key, self._drawers)
            if len(self._winners) >= _REMEMBERED:
                self._winners.clear()
            self._winners[key] = winner
        if winner.address not in avoid:
            return winner
        left = [each for each in self._drawers if each[1].address not in avoid]
        return self._draw(key, left) if left else winner

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of this key."""
        return self.pick(ask)

    def _draw(self, key: int, drawers: Sequence[tuple[int, Backend]]) -> Backend:
        if self._is_even:
            return max(drawers, key=lambda each: _mixed(key ^ each[0]))[1]
        return max(drawers, key=lambda each: -each[1].weight / log(((_mixed(key ^ each[0]) >> 12) + 0.5) / (1 << 52)))[
            1
        ]


def _mixed(value: int) -> int:
    """Return a number of 64 bits that depends on every bit of ``value`` (the end of MurmurHash3)."""
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _M
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _M
    return value ^ value >> 33

"""Random: every endpoint with probability 1/n (iptables' ``statistic --mode random``, nftables' ``numgen random``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Rng
from kubeproxy.types import Endpoint


class RandomChoice:
    """Picks uniformly, whatever was picked before."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._endpoints: Sequence[Endpoint] = ()

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on."""
        self._endpoints = endpoints

    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none."""
        candidates = self._endpoints
        if avoid:
            candidates = [each for each in candidates if each.address not in avoid] or candidates
        if not candidates:
            return None
        return candidates[int(self._rng.random() * len(candidates))]

    def upcoming(self) -> Endpoint | None:
        """Return None: chance decides."""
        return None

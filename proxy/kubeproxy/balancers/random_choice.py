"""Random: every endpoint with probability 1/n (iptables' ``statistic --mode random``, nftables' ``numgen random``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Balancer, Inputs
from kubeproxy.types import Endpoint


class RandomChoice(Balancer):
    """Picks uniformly, whatever was picked before."""

    name = "random"
    shares_counts = False

    def __init__(self, inputs: Inputs) -> None:
        self._rng = inputs.rng
        self._endpoints: Sequence[Endpoint] = ()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets one of {count} with the same chance"

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

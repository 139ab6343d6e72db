"""Random: every endpoint with probability 1/n (iptables' ``statistic --mode random``, nftables' ``numgen random``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available


class RandomChoice(Balancer):
    """Picks uniformly, whatever was picked before."""

    name = "random"
    aliases = ("envoy_random",)
    card = Card("each with the same chance", "none", "O(1)", "kube-proxy iptables and nftables, Envoy RANDOM")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._random = inputs.rng.random
        self._usable: Sequence[Backend] = ()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets one of {count} with the same chance"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._usable = available(backends)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        usable = available(self._usable, avoid) if avoid else self._usable
        return usable[int(self._random() * len(usable))] if usable else None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides."""
        return None

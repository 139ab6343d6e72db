"""How an algorithm that follows its backends hears of what becomes of them."""

from __future__ import annotations

from collections.abc import Collection

from kubeproxy.balancers.balancer import Backend, Balancer
from kubeproxy.telemetry.outcomes import Result


class Watch:
    """Tells an algorithm what becomes of one of its backends; a ``Watcher`` of the counters."""

    __slots__ = ("_balancer", "backend")

    def __init__(self, balancer: Balancer, backend: Backend) -> None:
        self._balancer = balancer
        self.backend = backend

    def opened(self) -> None:
        """Learn that a connection or request has begun."""
        self._balancer.opened(self.backend)

    def closed(self) -> None:
        """Learn that one has ended."""
        self._balancer.closed(self.backend)

    def answered(self, seconds: float) -> None:
        """Learn when the first byte came."""
        self._balancer.answered(self.backend, seconds)

    def completed(self, result: Result) -> None:
        """Learn how one went."""
        self._balancer.completed(self.backend, result)


def watch(balancer: Balancer, backends: Collection[Backend], before: Collection[Backend]) -> None:
    """Tell an algorithm what becomes of its backends, and no more of those of ``before`` that have left."""
    kept = set(backends)
    for each in before:
        if each not in kept:
            watchers = each.counters.watchers
            each.counters.watchers = tuple(other for other in watchers if getattr(other, "backend", None) is not each)
    for each in kept.difference(before):
        each.counters.watchers = (*each.counters.watchers, Watch(balancer, each))

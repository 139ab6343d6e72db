"""What goes around any algorithm and changes what it sees or what it chooses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer
from kubeproxy.telemetry.outcomes import Result


class Wrapper(Balancer):
    """Passes everything on to the algorithm inside; a kind of wrapper changes what it is for."""

    def __init__(self, inner: Balancer) -> None:
        self._inner = inner
        self.follows = inner.follows

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return nothing: the algorithm inside says how it chooses."""
        del unit, count
        return ""

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._inner.update(backends)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        return self._inner.pick(ask, avoid)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return what ``pick`` would return now."""
        return self._inner.upcoming(ask)

    def refuses(self, ask: Ask) -> bool:
        """Tell whether the algorithm inside gives nothing."""
        return self._inner.refuses(ask)

    def remark(self) -> str:
        """Return in a clause which backends get less than their share for now."""
        return self._inner.remark()

    def left_out(self, backend: Backend) -> str:
        """Return why the algorithm inside leaves a backend out."""
        return self._inner.left_out(backend)

    def opened(self, backend: Backend) -> None:
        """Learn that a connection or request to a backend has begun."""
        if self._inner.follows:
            self._inner.opened(backend)

    def closed(self, backend: Backend) -> None:
        """Learn that one has ended."""
        if self._inner.follows:
            self._inner.closed(backend)

    def answered(self, backend: Backend, seconds: float) -> None:
        """Learn when a backend's first byte came."""
        if self._inner.follows:
            self._inner.answered(backend, seconds)

    def completed(self, backend: Backend, result: Result) -> None:
        """Learn how one went."""
        if self._inner.follows:
            self._inner.completed(backend, result)

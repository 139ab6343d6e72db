"""Probes of simulated backends' load: each arrives ``delay`` after it was sent, and its answer as much later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from kubelet.servers.backend.loadmeter import LoadMeter
from kubeproxy.balancers import Backend, Reported

_Answer = Callable[[Reported], None]


class Probing:
    """The probes of all clients; nothing is recorded before the first one is sent."""

    def __init__(self, clock: Callable[[], float], delay: float) -> None:
        self._clock = clock
        self._delay = delay
        self._meters: dict[str, LoadMeter] = {}
        """By the address of the backend, of which each client has an object of its own."""
        self._sent: deque[tuple[float, Backend, _Answer]] = deque()
        self._answers: deque[tuple[float, Reported, _Answer]] = deque()
        self.is_used = False

    def probe(self, backend: Backend, answer: _Answer) -> None:
        """Ask a backend (``balancers.Probe``)."""
        self.is_used = True
        self._sent.append((self._clock() + self._delay, backend, answer))

    def begin(self, backend: Backend, now: float, finish: float) -> None:
        """Learn that a request has come to a backend."""
        self._meter(backend).begin(now, finish)

    def deliver(self, now: float) -> None:
        """Let the probes and the answers arrive that are to arrive by now."""
        while self._sent and self._sent[0][0] <= now:
            at, backend, answer = self._sent.popleft()
            self._answers.append((at + self._delay, Reported(*self._meter(backend).report(at)), answer))
        while self._answers and self._answers[0][0] <= now:
            _, reported, answer = self._answers.popleft()
            answer(reported)

    def _meter(self, backend: Backend) -> LoadMeter:
        meter = self._meters.get(backend.address)
        if meter is None:
            meter = self._meters[backend.address] = LoadMeter()
        return meter

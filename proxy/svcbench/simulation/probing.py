"""Probes of simulated backends' load: each arrives ``delay`` after it was sent, and its answer as much later."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from kubelet.servers.backend.behaviour import Arrive
from kubelet.servers.backend.loadmeter import LoadMeter
from kubeproxy.balancers import Backend, Tell
from svcbench.simulation.pickers import SimulatedBackend


class Probing:
    """The probes of all clients; the backends measure nothing before the first one is sent."""

    def __init__(self, clock: Callable[[], float], delay: float) -> None:
        self._clock = clock
        self._delay = delay
        self._backends: list[SimulatedBackend] = []
        self._meters: defaultdict[str, LoadMeter] = defaultdict(LoadMeter)
        """By the address of the backend, of which each client has an object of its own."""
        self._sent: deque[tuple[float, Backend, Tell]] = deque()
        self._answers: deque[tuple[float, Backend, tuple[int, float], Tell]] = deque()
        self.is_used = False

    def know(self, backends: Iterable[SimulatedBackend]) -> None:
        """Have these backends measure their load, once one is asked for it."""
        self._backends += backends

    def probe(self, backend: Backend, tell: Tell) -> None:
        """Ask a backend (``balancers.Probe``)."""
        if not self.is_used:
            self.is_used = True
            for each in self._backends:
                each.arrive = _measured(each.arrive, self._meters[each.address])
        self._sent.append((self._clock() + self._delay, backend, tell))

    def deliver(self, now: float) -> None:
        """Let the probes and the answers arrive that are to arrive by now."""
        sent, answers, delay, meters, here = self._sent, self._answers, self._delay, self._meters, self._clock()
        while sent and sent[0][0] <= now:
            at, backend, tell = sent.popleft()
            reported = meters[backend.address].report(at)
            if delay:
                answers.append((at + delay, backend, reported, tell))
            else:
                tell(backend, reported, here)
        while answers and answers[0][0] <= now:
            _, backend, reported, tell = answers.popleft()
            tell(backend, reported, here)


def _measured(arrive: Arrive, meter: LoadMeter) -> Arrive:
    def measured(now: float) -> tuple[float, int]:
        found = arrive(now)
        meter.begin(now, found[0])
        return found

    return measured

"""Simulates the requests of a scenario by discrete events.

As a backend's answer is known when a request comes (``kubelet.servers.backend.behaviour``), a request is one event:
its end. The ends that come before a request begins are told to the pickers first; ends of one moment in the order of
their requests.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from itertools import repeat
from math import inf
from random import Random

from kubelet.servers.backend.behaviour import behave
from kubeproxy.balancers import Asking, Balancer
from kubeproxy.telemetry.outcomes import result_of
from svcbench.outcomes import ANSWERED, NO_ENDPOINT, TIMED_OUT, outcome_of
from svcbench.simulation.pickers import Given, Picker, SimulatedBackend, simulated_asks, simulated_endpoints
from svcbench.simulation.probing import Probing
from svcbench.simulation.scenario import Scenario

_OK = 200
_LEAST_SECONDS = 0.0001
"""The least time from one request of a connection to the next, so that answers at once cannot hold up time."""


@dataclass(slots=True)
class Requests:
    """What became of each request, in the order in which they were due; times in seconds.

    ``errors`` has the kinds of those that failed, by number. ``chosen`` is None where there was no backend.
    """

    due: list[float] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    chosen: list[SimulatedBackend | None] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)


class Engine:
    """One run of a scenario by its ``pickers``; ``peaks``: the most requests of each pod at once since the warm-up."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._now = 0.0
        self._probing = Probing(self._clock, scenario.delay)
        self.pickers = _pickers(scenario, self._clock, self._probing)
        self._probing.know(backend for picker in self.pickers for backend in picker.backends)
        self._follows = self.pickers[0].balancer.follows
        self._chance = Random(f"clients {scenario.seed}").random
        self._asks = simulated_asks(scenario)
        self._owners: list[Picker] = []
        """The client of each request."""
        self._free = [0.0] * (scenario.connections or scenario.is_closed)
        """When each connection becomes free: a heap; empty where no request waits for one."""
        self._ends: list[tuple[float, int, SimulatedBackend]] = []
        """The ends that are to come, with the numbers of their requests: a heap."""
        self.requests = Requests()
        self._statuses: dict[int, int] = {}
        """The statuses of requests that are not 200, by number."""
        self._active = [0] * len(scenario.pods)
        self.peaks = [0] * len(scenario.pods)

    def run(self) -> Requests:
        """Simulate everything and return what became of it."""
        scenario, requests = self._scenario, self.requests
        if scenario.is_closed:
            for until in (scenario.warmup, scenario.schedule.seconds):
                self.peaks = self._active.copy()
                self._run(repeat(0.0), until)
            requests.due = requests.begun
            return requests
        requests.due = list(scenario.schedule.times(Random(scenario.seed)))
        warm = bisect_left(requests.due, scenario.warmup)
        run: Callable[[Iterable[float], float], None] = self._run
        for dues in (requests.due[:1], requests.due[1:warm], requests.due[max(1, warm) :]):
            self.peaks = self._active.copy()
            run(dues, inf)
            if self._is_plain():
                run = self._run_plain
        if not scenario.connections:
            requests.begun = requests.due
        return requests

    def _clock(self) -> float:
        return self._now

    def _is_plain(self) -> bool:
        """Tell, after the first request, whether nothing is asked for that ``_run_plain`` leaves out."""
        scenario, algorithm = self._scenario, type(self.pickers[0].balancer)
        if scenario.connections or scenario.timeout or scenario.delay or scenario.clients > 1 or self._asks:
            return False
        return algorithm.completed is Balancer.completed

    def _run_plain(self, dues: Iterable[float], _until: float) -> None:
        """Do what ``_run`` does, faster: for one client that never waits, and a picker that learns no outcomes."""
        requests, ends, peaks, probing, picker = self.requests, self._ends, self.peaks, self._probing, self.pickers[0]
        choose, end, (opened, closed, answered) = requests.chosen.append, requests.ended.append, _told(picker.balancer)
        for number, now in enumerate(dues, len(requests.chosen)):
            while ends and ends[0][0] <= now:
                self._now, ended, backend = heappop(ends)
                if answered:
                    answered(backend, self._now - requests.due[ended])
                backend.counters.active -= 1
                if closed:
                    closed(backend)
            if probing.is_used:
                probing.deliver(now)
            self._now = now
            choose(chosen := picker.pick(picker.ask))
            at, status = chosen.arrive(now) if chosen is not None else (now, 0)
            end(at)
            if status != _OK:
                self._note(number, status)
            if chosen is not None:
                chosen.counters.active = count = chosen.counters.active + 1
                peaks[chosen.number] = max(peaks[chosen.number], count)
                if opened:
                    opened(chosen)
                heappush(ends, (at, number, chosen))

    def _run(self, dues: Iterable[float], until: float) -> None:
        free = self._free
        for number, due in enumerate(dues, len(self.requests.chosen)):
            begin = max(due, free[0]) if free else due
            if begin >= until:
                break
            while self._ends and self._ends[0][0] <= begin:
                self._end(*heappop(self._ends))
            if self._probing.is_used:
                self._probing.deliver(begin)
            end = self._begin(number, begin)
            if free:
                heapreplace(free, max(end, begin + _LEAST_SECONDS))

    def _begin(self, number: int, now: float) -> float:
        """Begin a request and return when it ends."""
        requests = self.requests
        self._now = now
        picker = self.pickers[int(self._chance() * len(self.pickers))]
        backend = picker.pick(self._ask(number) if self._asks else picker.ask)
        requests.begun.append(now)
        requests.chosen.append(backend)
        self._owners.append(picker)
        if backend is None:
            self._note(number, 0)
            at = now
        else:
            backend.counters.active += 1
            self._active[backend.number] = count = self._active[backend.number] + 1
            self.peaks[backend.number] = max(self.peaks[backend.number], count)
            if self._follows:
                picker.balancer.opened(backend)
            at = self._serve(number, now, backend)
            heappush(self._ends, (at, number, backend))
        requests.ended.append(at)
        return at

    def _ask(self, number: int) -> Asking:
        asks = self._asks
        return asks[int(self._chance() * len(asks)) if self._scenario.keys else number % len(asks)]

    def _serve(self, number: int, now: float, backend: SimulatedBackend) -> float:
        """Return when a client has an answer, or gives up."""
        scenario, requests = self._scenario, self.requests
        at, status = backend.arrive(now + scenario.delay)
        at += scenario.delay
        if scenario.timeout and at > now + scenario.timeout:
            requests.errors[number] = TIMED_OUT
            return now + scenario.timeout
        if status != _OK:
            self._note(number, status)
        return at

    def _note(self, number: int, status: int) -> None:
        """Note a status that is not 200, 0 where there was no endpoint."""
        self._statuses[number] = status
        outcome = outcome_of(status) if status else NO_ENDPOINT
        if outcome != ANSWERED:
            self.requests.errors[number] = outcome

    def _end(self, now: float, number: int, backend: SimulatedBackend) -> None:
        """Tell the picker that a request has ended, in the order in which the proxy does."""
        self._now = now
        balancer = self._owners[number].balancer
        if self._follows:
            balancer.answered(backend, now - self.requests.begun[number])
            if self.requests.errors.get(number) != TIMED_OUT:
                balancer.completed(backend, result_of(self._statuses.get(number, _OK)))
        backend.counters.active -= 1
        self._active[backend.number] -= 1
        if self._follows:
            balancer.closed(backend)


def _told(balancer: Balancer) -> list[Callable[..., None] | None]:
    """Return what an algorithm is told of a request's begin and end, and of its answer; None for what it ignores."""
    names = ("opened", "closed", "answered")
    told = [balancer.follows and getattr(type(balancer), each) is not getattr(Balancer, each) for each in names]
    return [getattr(balancer, name) if is_told else None for name, is_told in zip(names, told, strict=True)]


def _pickers(scenario: Scenario, clock: Callable[[], float], probing: Probing) -> list[Picker]:
    """Return the clients of a scenario, which share its pods."""
    behaviours = [
        behave(pod.model, Random(f"{scenario.seed} {pod.model.seed} {pod.name}"), scenario.replayed)
        for pod in scenario.pods
    ]
    given = Given(scenario, simulated_endpoints(scenario), behaviours, clock, probing.probe)
    return [Picker(given, number) for number in range(scenario.clients)]

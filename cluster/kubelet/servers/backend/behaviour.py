"""When a backend answers a request, and with which status. Pure: seconds count from its first request.

As the time in a slot is known when it begins, the answer to a request is known when the request comes: nothing waits
in a list here. The server of image kubesvc/backend and the simulation both act on it.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapreplace
from random import Random

from kubeapi.backends.model import BackendModel, Distribution, Failure
from kubelet.servers.backend.sampling import Replayed, times

Arrive = Callable[[float], tuple[float, int]]
"""``arrive(now)``: when the request that comes now is answered, and with which HTTP status; ``now`` never goes back."""

_OK = 200


def behave(model: BackendModel, rng: Random, replayed: Replayed) -> Arrive:
    """Return how a backend that begins now answers."""
    if model == BackendModel(model.time, slots=model.slots, seed=model.seed):
        draw = times(model.time, rng, replayed)
        return _in_slots(draw, model.slots) if model.slots else _at_once(draw)
    return _Behaviour(model, rng, replayed).arrive


def replayed_paths(model: BackendModel) -> set[str]:
    """Return the files that a model replays."""
    return {each.path for each in _distributions(model) if each.path}


def _distributions(model: BackendModel) -> list[Distribution]:
    changed = [each.time for each in model.changes if each.time]
    failures = [model.failure, *(each.failure for each in model.changes)]
    return [model.time, *changed, *(each.time for each in failures if each)]


def _at_once(draw: Callable[[], float]) -> Arrive:
    return lambda now: (now + draw(), _OK)


def _in_slots(draw: Callable[[], float], slots: int) -> Arrive:
    free = [0.0] * slots
    """When each slot becomes free: a heap."""

    def arrive(now: float) -> tuple[float, int]:
        begin = free[0]
        finish = (max(begin, now)) + draw()
        heapreplace(free, finish)
        return finish, _OK

    return arrive


class _Behaviour:
    """Everything that a model may have."""

    def __init__(self, model: BackendModel, rng: Random, replayed: Replayed) -> None:
        self._model = model
        self._random = rng.random
        self._draws = {each: times(each, rng, replayed) for each in _distributions(model)}
        self._free = [0.0] * model.slots
        self._cpu_free = 0.0

    def arrive(self, now: float) -> tuple[float, int]:
        model = self._model
        failure = self._failure(now)
        if failure is not None and self._random() < failure.share:
            return now + self._draws[failure.time](), failure.status
        if model.cpu:
            begin = max(now, self._cpu_free)
            now = self._cpu_free = self._finish(begin, model.cpu * self._factor(begin))
        if not model.slots:
            return self._finish(now, self._time(now)), _OK
        begin = max(now, self._free[0])
        finish = self._finish(begin, self._time(begin))
        heapreplace(self._free, finish)
        return finish, _OK

    def _failure(self, now: float) -> Failure | None:
        for change in self._model.changes:
            if change.failure is not None and change.begin <= now < change.end:
                return change.failure
        return self._model.failure

    def _factor(self, now: float) -> float:
        """Return how much longer than usual work takes that begins now."""
        speed = self._model.speed
        for change in self._model.changes:
            if change.speed is not None and change.begin <= now < change.end:
                speed = change.speed
                break
        return (self._model.cold_factor if now < self._model.cold_seconds else 1.0) / speed

    def _time(self, now: float) -> float:
        """Return how long work takes that begins now; a time that is set for now is taken as it is."""
        for change in self._model.changes:
            if change.time is not None and change.begin <= now < change.end:
                return self._draws[change.time]()
        return self._draws[self._model.time]() * self._factor(now)

    def _finish(self, begin: float, seconds: float) -> float:
        """Return when work ends: pauses come at the end of each period, and nothing is done in them."""
        pause, every = self._model.pause_seconds, self._model.pause_every
        if not pause:
            return begin + seconds
        worked = every - pause
        periods, into = divmod(begin, every)
        done = periods * worked + min(into, worked) + seconds
        periods, into = divmod(done, worked)
        return periods * every + into

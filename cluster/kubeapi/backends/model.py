"""What is said of a backend's behaviour; all times in seconds, shares between 0 and 1. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Distribution(NamedTuple):
    """How long requests take: the name of a distribution and its parameters, in the order of the text.

    constant(time), exponential(mean), lognormal(median, sigma), normal(mean, deviation) without what is below 0,
    uniform(low, high), pareto(least, shape). A ``replay`` takes the times in the file ``path`` in turn.
    """

    name: str
    parameters: tuple[float, ...] = ()
    path: str = ""


class Failure(NamedTuple):
    """The ``share`` of requests that fail with an HTTP ``status``, after ``time`` and without a slot."""

    share: float
    status: int
    time: Distribution


class Change(NamedTuple):
    """What holds for requests that begin from ``begin`` to ``end``, instead of what holds otherwise; None: the same."""

    begin: float
    end: float
    time: Distribution | None = None
    speed: float | None = None
    failure: Failure | None = None


class BackendModel(NamedTuple):
    """How one backend answers.

    A request is first worked on for ``cpu`` seconds, one at a time; then it waits for one of ``slots`` in the order in
    which requests came (0: there is no limit), and takes a time of ``time`` in it. ``speed`` divides both, and in the
    first ``cold_seconds`` everything takes ``cold_factor`` times as long: what holds when the work begins. Of every
    ``pause_every`` seconds the last ``pause_seconds`` pass without any work (0: never).
    """

    time: Distribution
    slots: int = 0
    cpu: float = 0.0
    failure: Failure | None = None
    speed: float = 1.0
    cold_seconds: float = 0.0
    cold_factor: float = 1.0
    pause_every: float = 0.0
    pause_seconds: float = 0.0
    changes: tuple[Change, ...] = ()
    seed: int = 0

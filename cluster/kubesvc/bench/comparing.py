"""Compares algorithms on a Service of a running cluster: gives it one after the other, and back what it had.

One Service for all, because then all have the same address, listeners and pods, and only one has load at a time. What
it had stays noted on it while it is compared: should this process be killed, the next comparison puts it back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import NamedTuple

from kubeapi.objects.service import BALANCER_ANNOTATION, BALANCER_OPTIONS_ANNOTATION
from kubesvc.bench.measuring import Conditions, Subject, Watch, measure_service
from kubesvc.control.client import RefusedError, UnreachableError
from kubesvc.run.control.rebalancing import ORIGINAL_ANNOTATION
from svcbench.compare.contenders import Contender
from svcbench.compare.measuring import RunTrial, TrialError
from svcbench.compare.plan import Trial
from svcbench.load.io.running import GeneratorError
from svcbench.load.plan import Plan
from svcbench.results import Run

DRAIN_SECONDS = 5.0
_LOOK_SECONDS = 0.05

Annotations = Mapping[str, str | None]
"""The two annotations of balancing by name; None is one that is not there."""


class Contest:
    """A Service that is given one algorithm after the other, and notices if somebody else gives it one too."""

    def __init__(self, subject: Subject, original: Annotations) -> None:
        self._subject = subject
        self._original = original
        self._given: Annotations | None = None

    def give(self, contender: Contender) -> None:
        """Have the Service balance by an algorithm. UnreachableError, RefusedError."""
        given = {BALANCER_ANNOTATION: contender.name, BALANCER_OPTIONS_ANNOTATION: contender.options or None}
        wanted = {**given, ORIGINAL_ANNOTATION: json.dumps({"had": self._original, "given": given})}
        self._check(_rebalance(self._subject, wanted))
        self._given = wanted

    def check(self) -> None:
        """RefusedError if the Service has not had the algorithm that was given last all the time."""
        self._check(_rebalance(self._subject, {}))

    def _check(self, found: Annotations) -> None:
        if self._given is not None and found != self._given:
            message = (
                "the Service's balancing was changed meanwhile, by another comparison or by hand; "
                "it has again what it had before the comparison"
            )
            raise RefusedError(message)


@contextmanager
def contending(subject: Subject) -> Iterator[Contest]:
    """Yield what gives the Service an algorithm; in the end it has its own again.

    UnreachableError, RefusedError: the cluster has gone, or the Service; also in the end, when it cannot be put back.
    """
    before = _rebalance(subject, {})
    note = before.pop(ORIGINAL_ANNOTATION)
    original = _noted(note, before) if note else before
    try:
        yield Contest(subject, original)
    finally:
        _rebalance(subject, {**original, ORIGINAL_ANNOTATION: None})


def _noted(text: str, present: Annotations) -> Annotations:
    """Return what a Service had before a comparison that was killed; what it has if that was changed since.

    RefusedError.
    """
    with suppress(ValueError):
        match json.loads(text):
            case {"had": dict(had), "given": dict(given)} if had.keys() | given.keys() <= present.keys():
                return had if given == present else present
    message = f"its annotation {ORIGINAL_ANNOTATION} is not what a comparison writes there: {text!r}; remove it"
    raise RefusedError(message)


def _rebalance(subject: Subject, annotations: Mapping[str, str | None]) -> dict[str, str | None]:
    return subject.client.rebalance(subject.namespace, subject.service, annotations)


class Watched(NamedTuple):
    """What gives the Service an algorithm, and what shows a trial while it lasts."""

    contest: Contest
    shown: Callable[[], AbstractContextManager[Watch]]


def trial_runner(subject: Subject, plan: Plan, conditions: Conditions, watched: Watched) -> RunTrial:
    """Return what makes one trial: the Service gets the algorithm, load of the block's seed, and time to drain."""

    def run(trial: Trial) -> Run:
        try:
            watched.contest.give(trial.contender)
            with watched.shown() as watch:
                found = measure_service(subject, replace(plan, seed=trial.seed), conditions, watch)
            watched.contest.check()
            _drain(subject)
        except (UnreachableError, RefusedError, GeneratorError, OSError) as error:
            raise TrialError(str(error)) from error
        return found

    return run


def _drain(subject: Subject) -> None:
    """Wait until no connection or request to the Service is under way; UDP's flows only end by their time-out."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline and _is_busy(subject):
        time.sleep(_LOOK_SECONDS)


def _is_busy(subject: Subject) -> bool:
    records = subject.client.connections(subject.namespace, subject.service)["connections"]
    return any(each["state"] == "open" and each["protocol"] != "udp" for each in records)

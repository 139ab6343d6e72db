"""One run of load on a Service of a running cluster: the generator's process, and the cluster's records beside it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from kubesvc.bench.podfinder import PodFinder
from kubesvc.bench.target import Target
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from svcbench.load.io.running import COMMAND, Load
from svcbench.load.log import UNNAMED, Log, Rows
from svcbench.load.measure import Label, measure
from svcbench.load.plan import Plan
from svcbench.results import Run

_LOOK_SECONDS = 0.25
_SETTLE_SECONDS = 3.0
"""How long after the last answer records may come; an idle cluster sends them after 0.2 s."""
_POLL_SECONDS = 0.1

Watch = Callable[[Log, Rows], None]
"""Is told all that has come and the rows that are new, four times a second or more often."""


@dataclass(frozen=True)
class Subject:
    """A Service under load: in the cluster that ``client`` asks, in ``namespace``."""

    client: ControlClient
    namespace: str
    service: str
    target: Target


def inside_command(name: str) -> Sequence[str]:
    """Return the generator's command in the network of a cluster, as on its first node."""
    return (sys.executable, "-P", "-m", "kubesvc", "run", "--name", name, "--", *COMMAND)


class Conditions(NamedTuple):
    """How the load is made: by which process, and the command line that asked for it."""

    command: Sequence[str]
    said: str


def measure_service(subject: Subject, plan: Plan, conditions: Conditions, watch: Watch) -> Run:
    """Return what load on a Service measured; a KeyboardInterrupt makes it a partial run.

    OSError, GeneratorError.
    """
    load = Load(plan, conditions.command)
    finder = PodFinder(subject.target.pods, plan.sources)
    records = _Records(subject, finder)
    try:
        _follow(load, records, watch)
        # A late Ctrl-C costs the names of some pods, not the report.
        with suppress(KeyboardInterrupt):
            records.finish(load.log)
    finally:
        load.close()
    pods = finder.pods_of(load.log)
    algorithm = finder.algorithm or _algorithm(subject)
    label = Label(subject.target.name, algorithm, conditions.said, subject.target.weights)
    return measure(load.log, plan, pods.__getitem__, label)


def _follow(load: Load, records: _Records, watch: Watch) -> None:
    """Take in what the generator sees until it has ended; the first Ctrl-C ends it early, the second all at once."""

    def take() -> None:
        for rows in load.follow(_LOOK_SECONDS):
            if any(number == UNNAMED for number in rows.pod):
                records.start()
            watch(load.log, rows)

    try:
        take()
    except KeyboardInterrupt:
        load.stop()
        take()


def _algorithm(subject: Subject) -> str:
    if not subject.target.pods:
        return "no balancing"
    with suppress(UnreachableError, RefusedError):
        for each in reversed(subject.client.connections(subject.namespace, subject.service)["connections"]):
            return str(each["algorithm"])
    return "unknown"


class _Records:
    """Follows the cluster's records of a Service in a thread, once answers turn out not to name their pods."""

    def __init__(self, subject: Subject, finder: PodFinder) -> None:
        self._subject = subject
        self._finder = finder
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow; what has begun before is among the recent ones."""
        if self._thread is None and self._subject.target.pods:
            self._thread = threading.Thread(target=self._read, name="connections", daemon=True)
            self._thread.start()

    def finish(self, log: Log) -> None:
        """Take in the last records, and end the thread."""
        if self._thread is not None:
            deadline = time.monotonic() + _SETTLE_SECONDS
            while not self._finder.is_complete(log) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            self._subject.client.hang_up()
            # A cluster that hangs has not begun to answer, and no hanging up ends that.
            self._thread.join(_SETTLE_SECONDS)

    def _read(self) -> None:
        # A cluster that ends in the middle is seen by the requests.
        with suppress(UnreachableError, RefusedError):
            for document in self._subject.client.follow_connections(self._subject.namespace, self._subject.service):
                self._finder.take(document)

"""Workers: how the throughput grows with ``--proxy-workers``, beside the proxy that is the cluster's own process.

Load generator, backend and workers share the processors, so on a small machine the wall clock says nothing: nobody has
a processor for himself. So every process that carries traffic is held to a fifth of one, which leaves the others all
they need: then it is what bounds the throughput, as it would with processors enough. Only root may hold processes; for
others there is the coarser figure alone, requests for each CPU second of the busiest process, of which workers that are
not at their limit waste some: a turn of the event loop that carries one event costs as much as one that carries thirty.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.clusters import Started, started
from benchmarks.suite.configurations import CLUSTER
from benchmarks.suite.contest import turns
from benchmarks.suite.peers import Front, Ground, backend
from benchmarks.suite.processes import family, own_cpu_seconds
from benchmarks.suite.quota import held
from benchmarks.suite.scale import SMALL, SMALL_WEB, WEB, documents
from benchmarks.suite.settings import FRONT_PORT, WORKS, Work
from benchmarks.suite.trials import Trials

WIDTH = 2
SHARE = 0.2
"""Of a processor, for each process that carries traffic."""
START_SECONDS = 30
_WORKS = {"Requests": "keepalive", "Connections": "connection"}

Figures = dict[str, float]
Fronts = dict[int, Front]
"""By the number of processes that carry the traffic."""


def workers(ground: Ground, trials: Trials, rounds: int, tell: Callable[[str], None]) -> Figures:
    """Measure keep-alive requests and new connections, of one process and of ``WIDTH`` workers in turns."""
    found: Figures = {}
    works = {title: next(work for work in WORKS if work.name == name) for title, name in _WORKS.items()}
    with ExitStack() as stack:
        stack.enter_context(backend(works["Requests"], ground))
        one = stack.enter_context(_cluster("one", SMALL, SMALL_WEB, 1))
        many = stack.enter_context(_cluster("many", CLUSTER, WEB, WIDTH))
        fronts = {1: Front(SMALL_WEB, FRONT_PORT, one.status["pid"]), WIDTH: Front(WEB, FRONT_PORT, many.status["pid"])}
        for title, work in works.items():
            tell(f"{work.title}: one process and {WIDTH}")
            found |= _spread(f"workersCpu{title}", _free(work, fronts, trials, rounds))
        with _all_held(fronts) as is_held:
            for title, work in works.items() if is_held else ():
                tell(f"{work.title}: one process and {WIDTH}, held to {SHARE:g} of a processor")
                found |= _spread(f"workers{title}", _bound(work, fronts, trials, rounds))
    return found


def _free(work: Work, fronts: Fronts, trials: Trials, rounds: int) -> list[float]:
    """Return per round the work for each CPU second of the busiest process, over ``WIDTH`` times one's."""
    capacity: dict[int, list[float]] = {1: [], WIDTH: []}
    for number, width in turns(list(fronts), rounds):
        front = fronts[width]
        before = {pid: own_cpu_seconds(pid) for pid in _carriers(front)}
        sample = trials.run(work, front, number)
        capacity[width].append(sample.done / max(own_cpu_seconds(pid) - before[pid] for pid in before))
    return _ratios(capacity)


def _bound(work: Work, fronts: Fronts, trials: Trials, rounds: int) -> list[float]:
    """Return per round the throughput, over ``WIDTH`` times one's."""
    rates: dict[int, list[float]] = {1: [], WIDTH: []}
    for number, width in turns(list(fronts), rounds):
        rates[width].append(trials.run(work, fronts[width], number).rate or 0.0)
    return _ratios(rates)


def _ratios(measured: dict[int, list[float]]) -> list[float]:
    return [many / WIDTH / one for one, many in zip(measured[1], measured[WIDTH], strict=True)]


def _spread(name: str, ratios: Sequence[float]) -> Figures:
    return {name: statistics.median(ratios), f"{name}Low": min(ratios), f"{name}High": max(ratios)}


@contextmanager
def _all_held(fronts: Fronts) -> Iterator[bool]:
    """Hold all that carry traffic; yield whether they are."""
    with ExitStack() as stack:
        try:
            for front in fronts.values():
                for pid in _carriers(front):
                    stack.enter_context(held(pid, SHARE))
        except OSError:
            yield False
        else:
            yield True


def _cluster(name: str, configuration: dict[str, Any], web: str, width: int) -> AbstractContextManager[Started]:
    configured = {**configuration, "proxy": {**configuration.get("proxy", {}), "workers": width}}
    text = "\n---\n".join(json.dumps(each) for each in documents(1, configured, web))
    return started(f"bench-{name}-{os.getpid()}", text, START_SECONDS)


def _carriers(front: Front) -> Iterator[int]:
    """Yield the processes that carry traffic."""
    pid = front.pid or 0
    worker = b"kubeproxy.userspace.workers"
    found = [each for each in family(pid) if worker in Path(f"/proc/{each}/cmdline").read_bytes()]
    yield from found or [pid]

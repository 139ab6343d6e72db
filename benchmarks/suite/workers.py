"""Workers: how the throughput grows with ``--proxy-workers``, beside the proxy that is the cluster's own process.

Load generator, backend and workers share the processors, so on a small machine the wall clock says little. What is
compared is therefore the requests for each CPU second of the *busiest* process that carries traffic: with a processor
for each, that one is the limit. It falls short of N times one's by what the workers' work costs more, and by how
unevenly connections are spread.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from benchmarks.clusters import Started, started
from benchmarks.suite.configurations import CLUSTER
from benchmarks.suite.contest import turns
from benchmarks.suite.peers import Front, Ground, backend
from benchmarks.suite.processes import family, own_cpu_seconds
from benchmarks.suite.scale import SMALL, SMALL_WEB, WEB, documents
from benchmarks.suite.settings import FRONT_PORT, WORKS
from benchmarks.suite.trials import Trials

WIDTH = 2
START_SECONDS = 30
_WORKS = {work.name: work for work in WORKS if work.name in ("keepalive", "connection")}


def workers(ground: Ground, trials: Trials, rounds: int, tell: Callable[[str], None]) -> dict[str, float]:
    """Measure keep-alive requests and new connections, of one process and of ``WIDTH`` workers in turns."""
    found: dict[str, float] = {}
    with ExitStack() as stack:
        stack.enter_context(backend(_WORKS["keepalive"], ground))
        one = stack.enter_context(_cluster("one", SMALL, SMALL_WEB, 1))
        many = stack.enter_context(_cluster("many", CLUSTER, WEB, WIDTH))
        fronts = {1: Front(SMALL_WEB, FRONT_PORT, one.status["pid"]), WIDTH: Front(WEB, FRONT_PORT, many.status["pid"])}
        for name, work in _WORKS.items():
            capacity: dict[int, list[float]] = {1: [], WIDTH: []}
            rate: dict[int, list[float]] = {1: [], WIDTH: []}
            for number, width in turns(list(fronts), rounds):
                tell(f"{width} processes: {work.title}")
                before = _busy(fronts[width].pid or 0)
                sample = trials.run(work, fronts[width], number)
                after = _busy(fronts[width].pid or 0)
                capacity[width].append(sample.done / max(after[pid] - before.get(pid, 0.0) for pid in after))
                rate[width].append(sample.rate or 0.0)
            ratios = [more / WIDTH / less for less, more in zip(capacity[1], capacity[WIDTH], strict=True)]
            suffix = "" if name == "keepalive" else "OfConnections"
            found[f"workersRatio{suffix}"] = statistics.median(ratios)
            found[f"workersRatio{suffix}Low"], found[f"workersRatio{suffix}High"] = min(ratios), max(ratios)
            found[f"workersWallClockRatio{suffix}"] = statistics.median(
                more / less for less, more in zip(rate[1], rate[WIDTH], strict=True)
            )
    return found


def _cluster(name: str, configuration: dict[str, Any], web: str, width: int) -> AbstractContextManager[Started]:
    configured = {**configuration, "proxy": {**configuration.get("proxy", {}), "workers": width}}
    text = "\n---\n".join(json.dumps(each) for each in documents(1, configured, web))
    return started(f"bench-{name}-{os.getpid()}", text, START_SECONDS)


def _busy(pid: int) -> dict[int, float]:
    """Return the CPU seconds so far of every process that carries traffic."""
    return {each: own_cpu_seconds(each) for each in _carriers(pid)}


def _carriers(pid: int) -> Iterator[int]:
    found = [each for each in family(pid) if b"kubeproxy.worker" in Path(f"/proc/{each}/cmdline").read_bytes()]
    yield from found or [pid]

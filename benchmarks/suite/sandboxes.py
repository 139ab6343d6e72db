"""Sandboxes: how soon many pods are ready in networks of their own, what that takes, and what they add to a start.

The pods' program sleeps, so that what is measured is all but the program. Memory is the private memory (smaps_rollup)
that all processes but the cluster's own have more with the pods than without, per pod, less that of the same program
without a pod. The kernel's memory is not in it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.api_load import Server
from benchmarks.clusters import started
from benchmarks.suite.contest import turns
from benchmarks.suite.podworld import World, sleepers
from benchmarks.suite.processes import cpu_seconds, family
from benchmarks.suite.scale import API, tutorial_documents

COUNTS = (50, 300)
START_SECONDS = 60
READY_SECONDS = 120.0
NODES = 3
"""A node has 254 addresses for pods."""
SETTLE_SECONDS = 0.2
PAUSE = 0.005
"""Seconds between two questions whether all are ready."""
_DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/sleepers"
_KINDS = ("namespaces", "none")


def sandboxes(rounds: int, tell: Callable[[str], None]) -> dict[str, float]:
    """Return the figures by name."""
    found: dict[str, float] = {}
    for count in COUNTS:
        seconds, memory = [], []
        for number in range(rounds):
            tell(f"{count} sandboxes: round {number + 1} of {rounds}")
            took, each = _replicas(count)
            seconds.append(took)
            memory.append(each)
        found |= spread(f"sandboxesReadySeconds@{count}", seconds) | spread(f"sandboxMiB@{count}", memory)
    return found | _starts(rounds, tell)


def _replicas(count: int) -> tuple[float, float]:
    """Return the seconds until so many pods are ready, and the MiB that each takes beside its program."""
    world = World(0, "namespaces", "userspace")
    nodes = [{"name": f"node-{each}", "address": world.address(f"225.{each}")} for each in range(1, NODES + 1)]
    text = "\n---\n".join(map(json.dumps, [{**world.configuration(), "nodes": nodes}, sleepers()]))
    with (
        started(f"bench-sandboxes-{os.getpid()}", text, START_SECONDS) as cluster,
        api_of(Path(cluster.status["api"]["kubeconfig"])) as api,
    ):
        before = _held(cluster.status["pid"])
        begin = time.perf_counter()
        api.send("PATCH", _DEPLOYMENT, {"spec": {"replicas": count}}, "application/merge-patch+json")
        while _ready(api) < count:
            if time.perf_counter() - begin > READY_SECONDS:
                raise TimeoutError(f"{count} pods are not ready within {READY_SECONDS:g} s")
            time.sleep(PAUSE)
        took = time.perf_counter() - begin
        return took, ((_held(cluster.status["pid"]) - before) / count - _program_bytes()) / (1 << 20)


def _held(pid: int) -> int:
    """Return the private memory of what a cluster has started."""
    return sum(private_bytes(each) for each in family(pid) if each != pid)


def _program_bytes() -> int:
    """Return the private memory of the pods' program where it is no pod's."""
    with subprocess.Popen(["sleep", "infinity"]) as program:
        # It has begun when it is no fork of this process any more.
        while b"sleep" not in Path(f"/proc/{program.pid}/cmdline").read_bytes():
            time.sleep(PAUSE)
        time.sleep(SETTLE_SECONDS)
        found = private_bytes(program.pid)
        program.kill()
    return found


def _ready(api: API) -> int:
    found = json.loads(api.send("GET", _DEPLOYMENT))
    return int(found.get("status", {}).get("readyReplicas", 0))


@contextlib.contextmanager
def api_of(kubeconfig: Path) -> Iterator[API]:
    """Have a connection to the API of a cluster for the length of the block."""
    server = Server.of(kubeconfig)
    url = urlsplit(server.url)
    context = None if isinstance(server.context, bool) else server.context
    with contextlib.closing(http.client.HTTPSConnection(url.hostname or "", url.port, context=context)) as connection:
        yield API(connection, server.token)


def private_bytes(pid: int) -> int:
    """Return the memory that is a process' alone, 0 when it is gone (proc(5), smaps_rollup)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _starts(rounds: int, tell: Callable[[str], None]) -> dict[str, float]:
    """Return CPU and time of starts of the tutorial in sandboxes, over those without."""
    cpu: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    wall: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for number, kind in turns(_KINDS, rounds):
        tell(f"start of the tutorial, sandbox {kind}: round {number + 1} of {rounds}")
        spent, seconds = _start(kind)
        cpu[kind].append(spent)
        wall[kind].append(seconds)
    return spread("sandboxesStartCpuRatio", _ratios(cpu)) | spread("sandboxesStartSecondsRatio", _ratios(wall))


def _start(kind: str) -> tuple[float, float]:
    """Return CPU and wall seconds of one start, the pods' first ones included."""
    caller = _ended_cpu_seconds()
    with started(f"bench-start-{os.getpid()}", tutorial_documents(sandbox=kind), START_SECONDS) as cluster:
        spent = _ended_cpu_seconds() - caller + cpu_seconds(cluster.status["pid"])
        return spent, cluster.seconds


def _ended_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ratios(measured: dict[str, list[float]]) -> list[float]:
    return [mine / other for mine, other in zip(measured["namespaces"], measured["none"], strict=True)]


def spread(name: str, values: list[float]) -> dict[str, float]:
    """Return the median of a figure under its ``name``, and under names beside it the smallest and the largest."""
    title, at, size = name.partition("@")
    ends = {f"{title}Low{at}{size}": min(values), f"{title}High{at}{size}": max(values)}
    return {name: statistics.median(values), **ends}

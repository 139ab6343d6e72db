"""Pods that ask pods, through a Service and without: what a request costs all that have a part in it.

The CPU is that of all processes of the cluster: client, server and whatever is between them. So the kernel's part
counts too, which is a client's or a server's system time where no process is between. Clients run by `kubectl exec`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.clusters import ClusterError, Started, started
from benchmarks.suite import podworld
from benchmarks.suite.contest import Outcome, turns
from benchmarks.suite.peers import has_program
from benchmarks.suite.podworld import World
from benchmarks.suite.processes import PeerError, cpu_seconds, own_cpu_seconds, without_paths
from benchmarks.suite.samples import Sample
from benchmarks.suite.settings import (
    DIRECT,
    FRONT_PORT,
    HAPROXY,
    HAPROXY_LOOPBACK,
    KUBESVC,
    LOOPBACK,
    MANY,
    MANY_SERVICES,
    POD_WORKS,
    USERSPACE,
    WEB_PORT,
    Work,
)
from benchmarks.suite.tools import OutputError, wrk_sample

START_SECONDS = 120
EXEC_SECONDS = 60
SETTLE_SECONDS = 30.0
IDLE_SECONDS = 0.5
IDLE_SHARE = 0.05
"""Of a processor, that an idle cluster uses at most."""
_NFTABLES = World(0, "namespaces", "nftables")
_LARGE = World(1, "namespaces", "nftables")
_RELAYED = World(2, "namespaces", "userspace")
_HOST = World(3, "none", "userspace")
WORLDS = {
    DIRECT: _NFTABLES,
    KUBESVC: _NFTABLES,
    MANY: _LARGE,
    USERSPACE: _RELAYED,
    HAPROXY: _RELAYED,
    LOOPBACK: _HOST,
    HAPROXY_LOOPBACK: _HOST,
}
"""The cluster that each peer is measured in."""


@dataclass(frozen=True)
class _PodFront:
    """Where the client pod of a row asks; ``pid`` is the cluster's first process."""

    client: str
    address: str
    port: int
    kubeconfig: str
    pid: int


def pods(rounds: int, seconds: int, tell: Callable[[str], None]) -> tuple[list[Outcome], dict[str, float]]:
    """Measure the works between pods: their outcomes, and the proxy's own microseconds of each request."""
    outcomes = [Outcome(work) for work in POD_WORKS]
    missing = [each for each in ("wrk", "nginx", "kubectl") if not has_program(each)]
    if missing:
        for outcome in outcomes:
            outcome.gaps = dict.fromkeys(outcome.work.peers, f"not measured: {' and '.join(missing)} is not installed")
        return outcomes, {}
    own: dict[str, float] = {}
    with ExitStack() as stack:
        fronts, gaps = _fronts(stack, tell)
        for outcome in outcomes:
            outcome.gaps |= gaps
            own |= _contest(outcome, fronts, rounds, seconds, tell)
    return outcomes, own


def _fronts(stack: ExitStack, tell: Callable[[str], None]) -> tuple[dict[str, _PodFront], dict[str, str]]:
    fronts: dict[str, _PodFront] = {}
    gaps: dict[str, str] = {}
    for world in (_NFTABLES, _LARGE, _RELAYED, _HOST):
        peers = [peer for peer, its in WORLDS.items() if its == world]
        tell(f"starting a cluster for {', '.join(peers)}")
        try:
            cluster = stack.enter_context(_started(world, peers))
        except ClusterError as error:
            gaps |= dict.fromkeys(peers, f"did not start: {without_paths(str(error))}")
            continue
        for number, peer in enumerate(peers):
            try:
                fronts[peer] = _front(cluster, world, peer, number)
            except PeerError as error:
                gaps[peer] = str(error)
        _settle(cluster.status["pid"])
    return fronts, gaps


def _settle(pid: int) -> None:
    """Wait until a cluster has nothing to do any more: what a start leaves is no part of a request."""
    deadline = time.monotonic() + SETTLE_SECONDS
    is_idle = False
    while not is_idle and time.monotonic() < deadline:
        before = own_cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        is_idle = own_cpu_seconds(pid) - before <= IDLE_SHARE * IDLE_SECONDS


def _started(world: World, peers: list[str]) -> Any:
    documents = [world.configuration()]
    for peer in peers:
        documents += podworld.row(_slug(peer))
    if world is _LARGE:
        documents += podworld.silent(MANY_SERVICES, world)
    text = "\n---\n".join(map(json.dumps, documents))
    return started(f"bench-pods-{world.number}-{os.getpid()}", text, START_SECONDS)


def _front(cluster: Started, world: World, peer: str, number: int) -> _PodFront:
    status, name = cluster.status, _slug(peer)
    (server,) = (each["podIP"] for each in status["pods"] if each["name"] == f"server-{name}")
    (service,) = (each["clusterIP"] for each in status["services"] if each["name"] == name)
    found = _PodFront(f"client-{name}", service, FRONT_PORT, status["api"]["kubeconfig"], status["pid"])
    if peer == DIRECT:
        return replace(found, address=server, port=WEB_PORT)
    if peer in (HAPROXY, HAPROXY_LOOPBACK):
        if not has_program("haproxy"):
            raise PeerError("is not installed")
        pod = podworld.haproxy(name, number, f"{server}:{WEB_PORT}")
        _kubectl(found, "apply", "-f", "-", stdin=json.dumps(pod))
        _kubectl(found, "wait", "--for=condition=Ready", f"pod/haproxy-{name}", "--timeout=30s")
        node = world.configuration()["nodes"][0]["address"]
        return replace(found, address=node, port=podworld.HAPROXY_PORT + number)
    return found


def _slug(peer: str) -> str:
    return peer.replace(",", "").replace(" ", "-").lower()


def _contest(
    outcome: Outcome, fronts: Mapping[str, _PodFront], rounds: int, seconds: int, tell: Callable[[str], None]
) -> dict[str, float]:
    work = outcome.work
    own: dict[str, list[float]] = {}
    for number, peer in turns([peer for peer in work.peers if peer in fronts], rounds):
        if peer in outcome.gaps:
            continue
        tell(f"{work.title}: round {number + 1} of {rounds}: {peer}")
        try:
            sample, proxy = _trial(work, fronts[peer], seconds)
        except (PeerError, OutputError, OSError, ValueError, subprocess.SubprocessError) as error:
            outcome.gaps[peer] = f"failed in round {number + 1}: {error}"
            outcome.rounds.pop(peer, None)
        else:
            outcome.rounds.setdefault(peer, []).append(sample)
            own.setdefault(peer, []).append(proxy * 1e6 / sample.done)
    return dict(_own_figures(work, own))


def _own_figures(work: Work, own: Mapping[str, list[float]]) -> Iterator[tuple[str, float]]:
    for peer in (KUBESVC, USERSPACE, LOOPBACK):
        if peer in own:
            yield f"{work.name} proxyMicroseconds@{peer}", statistics.median(own[peer])


def _trial(work: Work, front: _PodFront, seconds: int) -> tuple[Sample, float]:
    """Return what a client saw and what it cost all, and the seconds of the cluster's own process."""
    command = podworld.load(front.address, front.port, seconds, closes=work.name == "pods-connection")
    begin, own = cpu_seconds(front.pid), own_cpu_seconds(front.pid)
    sample = wrk_sample(_kubectl(front, "exec", front.client, "--", *command))
    spent = cpu_seconds(front.pid) - begin
    if not sample.done:
        raise PeerError("not one request was answered")
    return replace(sample, cpu_seconds=spent), own_cpu_seconds(front.pid) - own


def _kubectl(front: _PodFront, *arguments: str, stdin: str = "") -> str:
    command = ["kubectl", "--kubeconfig", front.kubeconfig, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=EXEC_SECONDS, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PeerError(without_paths(said[-1]) if said else f"kubectl {arguments[0]}: {done.returncode}")
    return done.stdout

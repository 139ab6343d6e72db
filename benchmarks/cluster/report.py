"""The lines of `make bench-cluster`, and the run in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.cluster.figures import Line, Verdict, table
from benchmarks.cluster.names import RATE
from benchmarks.cluster.peers import COREDNS, KUBE_PROXY, KUBECTL, KUBESVC, KUBESVC_NFTABLES
from benchmarks.cluster.planes import CONTROL_PLANE
from benchmarks.suite.report import aligned, markdown_table

_NFTABLES = KUBESVC_NFTABLES, KUBE_PROXY
_CHANGES = "CPU of 100 endpoint changes a second for a minute"

LINES = (
    Line("proxy: from start to synced", "syncedSeconds", "s", KUBESVC, KUBE_PROXY, 0.5),
    Line("proxy: CPU from start to synced", "syncedCPUSeconds", "s", KUBESVC, KUBE_PROXY),
    Line("proxy: memory, synced", "MiB", "MiB", KUBESVC, KUBE_PROXY, 1.0),
    Line("proxy: most memory on the way", "peakMiB", "MiB", KUBESVC, KUBE_PROXY),
    Line("proxy: one more Service until it serves", "oneMoreMilliseconds", "ms", KUBESVC, KUBE_PROXY, 0.1),
    Line(f"proxy: {_CHANGES}", "churnCPUSeconds", "s", KUBESVC, KUBE_PROXY, 0.5),
    Line("proxy: memory after these", "churnMiB", "MiB", KUBESVC, KUBE_PROXY),
    Line("proxy, nftables: from start to synced", "syncedSeconds", "s", *_NFTABLES, 0.5),
    Line("proxy, nftables: memory, synced", "MiB", "MiB", *_NFTABLES, 1.0),
    Line("proxy, nftables: one more Service until it serves", "oneMoreMilliseconds", "ms", *_NFTABLES),
    Line(f"proxy, nftables: {_CHANGES}", "churnCPUSeconds", "s", *_NFTABLES, 0.5),
    Line("dns: from start to answering", "answeringSeconds", "s", KUBESVC, COREDNS, 0.5),
    Line("dns: CPU from start to answering", "answeringCPUSeconds", "s", KUBESVC, COREDNS),
    Line("dns: memory", "dnsMiB", "MiB", KUBESVC, COREDNS, 0.7),
    Line("dns: CPU of a query for a hot name", "queryCPUMicroseconds", "µs", KUBESVC, COREDNS, 0.25),
    Line(f"dns: CPU of a query, {RATE:,} a second", "pacedQueryCPUMicroseconds", "µs", KUBESVC, COREDNS),
    Line("dns: hot names, queries per second", "queriesPerSecond", "/s", KUBESVC, COREDNS),
    Line("connect: added latency p50 of a kept connection", "addedMicroseconds", "µs", KUBESVC, KUBECTL, 1.0),
    Line("connect: throughput from a pod", "downMiBPerSecond", "MiB/s", KUBESVC, KUBECTL, 1.0, is_at_least=True),
    Line("connect: throughput to a pod", "upMiBPerSecond", "MiB/s", KUBESVC, KUBECTL, 1.0, is_at_least=True),
    Line("connect: new connections, one by one", "connectionsPerSecond", "/s", KUBESVC, KUBECTL, 5.0, is_at_least=True),
    Line("connect: new connections, 16 at a time", "parallelConnectionsPerSecond", "/s", KUBESVC, KUBECTL, 5.0, True),
    Line("plane: from start to ready", "planeStartSeconds", "s", KUBESVC, CONTROL_PLANE, 0.1),
    Line("plane: memory, empty", "planeEmptyMiB", "MiB", KUBESVC, CONTROL_PLANE, 0.25),
    Line("plane: CPU of 1,000 Services created", "planeServicesCPUSeconds", "s", KUBESVC, CONTROL_PLANE, 0.5),
    Line("plane: CPU of 10 lists of 2,000 pods", "planeListsCPUSeconds", "s", KUBESVC, CONTROL_PLANE, 0.5),
    Line("plane: CPU of 200 changes for 100 watchers", "planeWatchersCPUSeconds", "s", KUBESVC, CONTROL_PLANE, 0.5),
    Line("plane: memory with all of it", "planeFullMiB", "MiB", KUBESVC, CONTROL_PLANE),
)


def terminal(verdicts: Sequence[Verdict], gaps: Mapping[str, str]) -> str:
    """Return the run as text."""
    return aligned(table(verdicts, gaps))


def markdown(machine: Mapping[str, str], verdicts: Sequence[Verdict], gaps: Mapping[str, str]) -> str:
    """Return the report."""
    lines = [
        "# kubesvc on a real cluster's API server",
        "",
        "Written by `make bench-cluster`: etcd, kube-apiserver and all that follows it on one machine. Each proxy has",
        "a network of its own; kube-proxy's mode is nftables, kubesvc's userspace unless a line says nftables. Both",
        "name servers have one Corefile. `kubesvc connect` and `kubectl port-forward` have one pod, of a kubesvc",
        "cluster. Medians [smallest-largest]; the ratio is that of the medians. Compare ratios: all share the",
        "processors.",
        "What is measured, and how, is in benchmarks/README.md.",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        "",
        *markdown_table(table(verdicts, gaps)),
    ]
    return "\n".join(lines) + "\n"

"""The API under load: kubectl end to end, writes that are on disk when they are answered, and many watchers.

    python -m benchmarks.api [--services 1000] [--kubectl PATH] [--json FILE]

One cluster with as many Services as asked for and two endpoints each, all put there by kubectl. See README.md for what
the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.api_load import resident_bytes
from benchmarks.clusters import ClusterError, cluster
from benchmarks.ending import run
from benchmarks.installed import be_as_installed
from svcbench.statistics.ranks import nearest_rank

SERVICES = 1000
ENDPOINTS = 2
"""Of each Service."""
LISTS = 5
WRITES = 1000
WATCHERS = 100
EVENTS = 200
COMMAND_SECONDS = 120.0
"""Bound of one kubectl, and of the load."""


@dataclass(frozen=True)
class Figure:
    """One line of the table; ``goal`` is what the figure has to stay below, None where there is no such thing."""

    title: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the figure is as it should be."""
        return self.goal is None or self.value < self.goal


def configuration() -> dict[str, Any]:
    """Return a cluster beside the default one's addresses, and beside those of the other benchmark."""
    return {
        "apiVersion": "kubesvc.dev/v1alpha1",
        "kind": "ClusterConfiguration",
        "networking": {
            "serviceSubnet": "127.40.0.0/16",
            "podSubnet": "127.41.0.0/16",
            "loadBalancerSubnet": "127.42.0.0/24",
        },
        "nodes": [{"name": "node-1", "address": "127.43.0.1"}],
        "proxy": {"healthzBindAddress": "", "metricsBindAddress": ""},
        "dns": {"bindAddresses": [], "upstreams": []},
    }


def service_names(count: int) -> list[str]:
    """Return the names of the Services."""
    return [f"bench-{number:04}" for number in range(count)]


def services(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield Services without selector: no pod is started for them."""
    for name in names:
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        metadata = {"name": name, "labels": {"app": name}}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}


def slices(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the EndpointSlices of the Services; nobody listens at their addresses."""
    for number, name in enumerate(names):
        first = number * ENDPOINTS
        addresses = (f"127.41.{100 + each // 250}.{1 + each % 250}" for each in range(first, first + ENDPOINTS))
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
        }


class Kubectl:
    """kubectl with a kubeconfig and a home of its own; every command is timed."""

    def __init__(self, path: str, kubeconfig: str, home: Path) -> None:
        self._path = path
        self._home = home
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig, "HOME": str(home)}

    def run(self, *arguments: str) -> float:
        """Run a command to its end and return its seconds; ClusterError if it fails."""
        begin = time.perf_counter()
        done = subprocess.run(
            [self._path, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
        return time.perf_counter() - begin

    def feed(self, command: str, documents: Iterator[dict[str, Any]]) -> float:
        """Give a command one file with all documents and return its seconds."""
        file = self._home / "documents.yaml"
        file.write_text("".join(f"---\n{json.dumps(each)}\n" for each in documents))
        return self.run(command, "-f", str(file))


def measure(count: int, kubectl: str) -> list[Figure]:
    """Run a cluster, put the load on it and return the figures."""
    names = service_names(count)
    with (
        cluster(f"bench-{os.getpid()}", json.dumps(configuration())) as status,
        tempfile.TemporaryDirectory(prefix="kubesvc-kubectl-") as home,
    ):
        pid, kubeconfig = status["pid"], status["api"]["kubeconfig"]
        empty = resident_bytes(pid)
        client = Kubectl(kubectl, kubeconfig, Path(home))
        client.run("get", "services")
        applied = client.feed("apply", services(names))
        client.feed("create", slices(names))
        lists = [client.run("get", "services", "-A") for _ in range(LISTS)]
        load = _load(kubeconfig, pid, names)
    return [
        Figure(f"kubectl apply of {count} new Services", applied, "s", 20.0),
        Figure(f"kubectl get services -A, of {count}", statistics.median(lists), "s", 1.0),
        *load_figures(load),
        Figure("memory of an empty cluster", empty / 1e6, "MB"),
        Figure(f"memory with {count} Services, {count * ENDPOINTS} endpoints", load["idleBytes"] / 1e6, "MB"),
        Figure(f"memory with {WATCHERS} watchers too", load["watchedBytes"] / 1e6, "MB"),
    ]


def load_figures(load: dict[str, Any]) -> list[Figure]:
    """Return what the load generator's figures mean."""
    ordered = sorted(load["latencies"])
    return [
        Figure("a write, median", nearest_rank(ordered, 50) / 1000, "ms", 4.0),
        Figure("a write, p99", nearest_rank(ordered, 99) / 1000, "ms"),
        Figure("CPU of a write", load["writeCPUSeconds"] * 1000, "ms"),
        Figure(f"CPU of an event, per watcher of {WATCHERS}", load["deliveryCPUSeconds"] * 1000, "ms", 1.0),
    ]


def _load(kubeconfig: str, pid: int, names: Sequence[str]) -> dict[str, Any]:
    counts = ["--writes", str(WRITES), "--watchers", str(WATCHERS), "--events", str(EVENTS)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_load", kubeconfig, *names, "--pid", str(pid), *counts],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ClusterError(f"the load generator failed: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(figures: Sequence[Figure]) -> str:
    """Return the figures below each other, with their goals and whether they are met."""
    rows = [("", "", "goal", ""), *(_row(each) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = (f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows)
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, str, str, str]:
    value = f"{figure.value:.3f} {figure.unit}" if figure.value < 10 else f"{figure.value:.1f} {figure.unit}"
    if figure.goal is None:
        return figure.title, value, "", ""
    return figure.title, value, f"< {figure.goal:g} {figure.unit}", "" if figure.is_met else "missed"


def main() -> int:
    """Measure, print the table, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--kubectl", default="kubectl", metavar="PATH")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    be_as_installed()
    kubectl = shutil.which(options.kubectl)
    if kubectl is None:
        print(f"benchmark: {options.kubectl} is missing: it is one of the clients that are measured", file=sys.stderr)
        return 1
    try:
        figures = measure(max(options.services, 1), kubectl)
    except (ClusterError, subprocess.TimeoutExpired) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(document(figures), indent=2) + "\n")
    return 0


def document(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return the figures as JSON."""
    return {
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "figures": [
            {"title": each.title, "value": each.value, "unit": each.unit, "goal": each.goal, "isMet": each.is_met}
            for each in figures
        ],
    }


if __name__ == "__main__":
    sys.exit(run(main))

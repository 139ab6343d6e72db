"""Clusters to measure, started and stopped through the command line as a user would, with state of their own."""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 30
STOP_SECONDS = 45


PACKAGES = (
    "kubeapi",
    "kubeapiserver",
    "kubeclient",
    "kubecontroller",
    "kubedns",
    "kubehost",
    "kubelet",
    "kubemanifest",
    "kubeproxy",
    "kubescheduler",
    "kubesvc",
)


class ClusterError(Exception):
    """The command line failed; the text is what it said."""


@dataclass(frozen=True)
class Started:
    """A cluster that runs: its status document, and how many ``seconds`` its ``kubesvc up --detach`` took."""

    status: dict[str, Any]
    seconds: float


@contextmanager
def started(name: str, manifests: str, seconds: float = START_SECONDS) -> Iterator[Started]:
    """Run a cluster for the length of the block; ClusterError where it is not ready within ``seconds``."""
    _compile()
    with tempfile.TemporaryDirectory(prefix="kubesvc-bench-") as folder:
        environment = {**os.environ, "XDG_STATE_HOME": folder, "XDG_RUNTIME_DIR": folder}
        file = Path(folder, "bench.yaml")
        file.write_text(manifests)
        try:
            begin = time.perf_counter()
            up = ("up", str(file), "--name", name, "--detach", "--timeout", f"{seconds:g}s")
            _kubesvc(environment, seconds + START_SECONDS, *up)
            took = time.perf_counter() - begin
            status = json.loads(_kubesvc(environment, START_SECONDS, "status", "--name", name, "-o", "json"))
            yield Started(status, took)
        finally:
            _kubesvc(environment, STOP_SECONDS, "down", "--name", name)


@cache
def _compile() -> None:
    """Compile what pip compiles when it installs kubesvc: in a checkout a start may be the first after a change."""
    for name in PACKAGES:
        found = find_spec(name)
        for folder in (found.submodule_search_locations if found else None) or ():
            compileall.compile_dir(folder, quiet=1)


@contextmanager
def cluster(name: str, manifests: str) -> Iterator[dict[str, Any]]:
    """Run a cluster and yield what ``kubesvc status -o json`` says of it."""
    with started(name, manifests) as found:
        yield found.status


def _kubesvc(environment: dict[str, str], seconds: float, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kubesvc", *arguments],
        env=environment,
        timeout=seconds,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and arguments[0] != "down":
        raise ClusterError(f"kubesvc {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout

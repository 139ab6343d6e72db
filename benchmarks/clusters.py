"""Clusters to measure, started and stopped through the command line as a user would, with state of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 30
STOP_SECONDS = 45


class ClusterError(Exception):
    """The command line failed; the text is what it said."""


@contextmanager
def cluster(name: str, manifests: str) -> Iterator[dict[str, Any]]:
    """Run a cluster and yield what ``kubesvc status -o json`` says of it."""
    with tempfile.TemporaryDirectory(prefix="kubesvc-bench-") as folder:
        environment = {**os.environ, "XDG_STATE_HOME": folder, "XDG_RUNTIME_DIR": folder}
        file = Path(folder, "bench.yaml")
        file.write_text(manifests)
        try:
            _kubesvc(environment, START_SECONDS, "up", str(file), "--name", name, "--detach")
            yield json.loads(_kubesvc(environment, START_SECONDS, "status", "--name", name, "-o", "json"))
        finally:
            _kubesvc(environment, STOP_SECONDS, "down", "--name", name)


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


def listener_of(status: dict[str, Any], service: str) -> tuple[str, int]:
    """Return the address and port at which a Service's cluster IP answers."""
    for each in status["services"]:
        if each["name"] == service:
            for listener in each["listeners"]:
                if listener["address"] == each["clusterIP"]:
                    return listener["address"], listener["port"]
    raise ClusterError(f"Service {service} does not listen")


def pods_of(status: dict[str, Any], service: str) -> list[str]:
    """Return the names of the pods behind a Service, sorted."""
    (found,) = (each for each in status["services"] if each["name"] == service)
    return sorted(each["pod"] for each in found["endpoints"])

"""One run on sockets with pods of known behaviour, on a cluster that is made for it and ends with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kubeapi.backends import BACKEND_ANNOTATION
from kubeapi.objects.service import BALANCER_ANNOTATION, BALANCER_OPTIONS_ANNOTATION
from svcbench.document import DocumentError, read_run
from svcbench.reproduce import Setup
from svcbench.results import Run

_KUBESVC = (sys.executable, "-P", "-m", "kubesvc")
_START_SECONDS = 120.0
_SERVICE = "reproduced"


class SocketRunError(Exception):
    """The run could not be made; the text is what kubesvc said."""


def measured(setup: Setup) -> Run:
    """Return the run; SocketRunError."""
    arrivals = ["--closed", str(setup.closed)] if setup.closed else ["--rate", f"{setup.rate:g}/s"]
    load = [*arrivals, "--duration", f"{setup.seconds:g}s", "--warmup", "0", "--json", "-"]
    load += ["--poisson"] if setup.is_poisson else []
    count = str(setup.connections)
    load += ["--connections", count, "--max-connections", count] if setup.connections else []
    with tempfile.TemporaryDirectory(prefix="kubesvc-") as folder:
        environment = {**os.environ, "XDG_STATE_HOME": folder}
        with _cluster(environment, manifests(setup)):
            said = _said(environment, setup.seconds + _START_SECONDS, "bench", f"svc/{_SERVICE}", *load)
            try:
                return read_run(json.loads(said))
            except (ValueError, DocumentError) as error:
                raise SocketRunError(str(error)) from None


def manifests(setup: Setup) -> str:
    """Return the Service and its pods; JSON is YAML."""
    options = {BALANCER_OPTIONS_ANNOTATION: setup.options} if setup.options else {}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _SERVICE, "annotations": {BALANCER_ANNOTATION: setup.algorithm, **options}},
        "spec": {"selector": {"app": _SERVICE}, "ports": [{"port": 8080, "appProtocol": "http"}]},
    }
    pods = [_pod(f"pod-{number}", model) for number, model in enumerate(setup.models, 1)]
    if setup.server:
        pods.append(_server_pod(setup.server))
    return "\n---\n".join(map(json.dumps, (service, *pods)))


def _pod(name: str, model: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": _SERVICE}, "annotations": {BACKEND_ANNOTATION: model}},
        "spec": {"containers": [{"name": "backend", "image": "kubesvc/backend"}]},
    }


def _server_pod(arguments: Sequence[str]) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": 8080}}
    command = [sys.executable, "-P", *arguments]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "server", "labels": {"app": _SERVICE}},
        "spec": {"containers": [{"name": "server", "image": "python", "command": command, "startupProbe": probe}]},
    }


@contextmanager
def _cluster(environment: Mapping[str, str], objects: str) -> Iterator[None]:
    """Run a cluster with addresses of its own; it is ended whatever happens."""
    try:
        _said(environment, _START_SECONDS, "up", "-", "--detach", "--subnets", "auto", objects=objects)
        yield
    finally:
        subprocess.run((*_KUBESVC, "down"), env=environment, capture_output=True, check=False)


def _said(environment: Mapping[str, str], seconds: float, *arguments: str, objects: str = "") -> str:
    """Return what a command has printed; SocketRunError if it fails."""
    try:
        done = subprocess.run(
            (*_KUBESVC, *arguments),
            env=environment,
            input=objects,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SocketRunError(f"kubesvc {arguments[0]}: {error}") from None
    if done.returncode:
        raise SocketRunError(f"kubesvc {arguments[0]} has failed: {done.stderr.strip()[-2000:]}")
    return done.stdout

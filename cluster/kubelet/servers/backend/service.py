"""The server of image kubesvc/backend: answers when and as its model says; ``/load`` and ``/healthz`` at once.

Over plain TCP, any line that is no HTTP request is answered with the pod's name, and the connection ends; one that
fails ends without an answer.

The model's seconds count from the first request, so that ``at 15s..45s`` means the same for every run on new pods, and
begin again after ``POST /restart``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from kubeapi.backends.model import BackendModel
from kubeapi.backends.reading import read_backend
from kubelet.servers.backend.behaviour import Arrive, behave, replayed_paths
from kubelet.servers.backend.loadmeter import LoadMeter
from kubelet.servers.backend.sampling import ReplayError, parse_times
from kubelet.servers.http.messages import Request, Response, Service
from kubelet.spec.server import ServerError

_JSON = "application/json"
_OK = 200


def backend(options: Mapping[str, Any], name: str) -> Service:
    """Return the service of a backend; ServerError if a file that it replays cannot be used."""
    respond = _Backend(read_backend(options["model"]), name).respond
    return Service(respond, (("X-Pod", name),), takes_lines=True)


def _read_times(path: str) -> list[float]:
    try:
        return parse_times(Path(path).read_text(), path)
    except (OSError, ReplayError, UnicodeDecodeError) as error:
        message = f"replay({path}): {error}"
        raise ServerError(message) from None


class _Backend:
    def __init__(self, model: BackendModel, name: str) -> None:
        self._model = model
        self._name = name
        self._body = f"{name}\n".encode()
        self._replayed = {path: _read_times(path) for path in sorted(replayed_paths(model))}
        self._meter = LoadMeter()
        self._restart()

    def _restart(self) -> None:
        rng = Random(f"{self._model.seed} {self._name}")
        self._arrive: Arrive = behave(self._model, rng, self._replayed)
        self._began: float | None = None

    def respond(self, request: Request) -> Response:
        if request.path == "/load":
            return self._load()
        if request.path == "/healthz":
            return Response(200, b"ok")
        if request.path == "/restart" and request.method == "POST":
            self._restart()
            return Response(200, b"")
        now = time.monotonic()
        if self._began is None:
            self._began = now
        finish, status = self._arrive(now - self._began)
        self._work(now)
        due = self._began + finish
        self._meter.begin(now, due)
        # Without HTTP there is no status: a failure is an end without an answer.
        body = self._body if request.method or status == _OK else b""
        return Response(status, body, due=due)

    def _work(self, now: float) -> None:
        """Keep a core busy as the model says: meanwhile this one thread does nothing else."""
        end = now + self._model.cpu / self._model.speed
        while time.monotonic() < end:
            pass

    def _load(self) -> Response:
        """Return what the proxy's algorithms may ask (kubeproxy.userspace.http.loadreport)."""
        in_flight, latency = self._meter.report(time.monotonic())
        return Response(200, json.dumps({"rif": in_flight, "latency_ms": round(latency * 1000, 3)}).encode(), _JSON)

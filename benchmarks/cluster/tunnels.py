"""`kubesvc connect` beside `kubectl port-forward`: to the same pod, of a cluster of kubesvc's own, as it has pods."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.cluster.figures import Figures
from benchmarks.cluster.peers import KUBECTL, KUBESVC
from benchmarks.cluster.room import Room
from benchmarks.suite.contest import turns

PORT, FORWARDED_PORT = 8080, 18080
EXCHANGES, MIB = 5000, 512
READY_SECONDS, STOP_SECONDS = 60.0, 45.0
WORKS = {
    "latency": ("addedMicroseconds", EXCHANGES),
    "down": ("downMiBPerSecond", MIB),
    "up": ("upMiBPerSecond", MIB),
    "sequential": ("connectionsPerSecond", 0),
    "parallel": ("parallelConnectionsPerSecond", 0),
}
"""By work of ``forwarded`` its figure, and its amount; 0 stands for the seconds of a trial."""
_DIRECT = "direct"
_REMOTE, _HERE = "bench-remote", "bench-here"
_TOP = Path(__file__).resolve().parents[2]


def tunnels(room: Room, tell: Callable[[str], None]) -> Figures:
    """Return the figures of both. Latency is what is added to that of a connection to the pod itself."""
    found = Figures()
    with ExitStack() as stack:
        addresses = stack.enter_context(_clusters(room))
        for work, (figure, amount) in WORKS.items():
            for number, name in turns((KUBESVC, KUBECTL), room.rounds):
                tell(f"{name}, {work}: round {number + 1} of {room.rounds}")
                value = _ask(work, addresses[name], amount or room.seconds)
                if work == "latency":
                    value -= _ask(work, addresses[_DIRECT], amount)
                found.add(figure, name, value)
    return found


def _ask(work: str, address: tuple[str, int], amount: int) -> float:
    command = [sys.executable, "-m", "benchmarks.cluster.forwarded", work, *map(str, address), str(amount)]
    done = subprocess.run(command, cwd=_TOP, capture_output=True, text=True, timeout=600, check=True)
    return float(done.stdout)


@contextmanager
def _clusters(room: Room) -> Iterator[dict[str, tuple[str, int]]]:
    """Run a cluster with a pod, a mirror of it, and kubectl; yield where the pod answers, by whose way."""
    state = room.folder / "tunnels"
    state.mkdir()
    file = state / "pod.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [_pod(), _SERVICE]}))
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "XDG_RUNTIME_DIR": str(state)}
    with ExitStack() as stack:
        stack.callback(_kubesvc, environment, "down", "--name", _REMOTE)
        _kubesvc(environment, "up", str(file), "--name", _REMOTE, "--sandbox", "none", "--detach")
        environment["KUBECONFIG"] = str(state / "kubesvc" / _REMOTE / "kubeconfig")
        stack.callback(_kubesvc, environment, "down", "--name", _HERE)
        _kubesvc(environment, "connect", "--name", _HERE, "--subnets", "auto", "--detach")
        kubectl = [room.programs["kubectl"], "port-forward", "pod/web", f"{FORWARDED_PORT}:{PORT}"]
        process = subprocess.Popen(kubectl, env=environment, stdout=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        found = {
            _DIRECT: (_status(environment, _REMOTE)["pods"][0]["podIP"], PORT),
            KUBESVC: (_service(_status(environment, _HERE)), PORT),
            KUBECTL: ("127.0.0.1", FORWARDED_PORT),
        }
        for each in found.values():
            _wait(each)
        yield found


def _pod() -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "python",
        "command": [sys.executable, "-m", "benchmarks.cluster.forwarded", "serve", str(PORT)],
        "env": [{"name": "PYTHONPATH", "value": str(_TOP)}],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }
    metadata = {"name": "web", "labels": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": PORT}]},
}


def _kubesvc(environment: dict[str, str], *words: str) -> str:
    command, seconds = [sys.executable, "-m", "kubesvc", *words], READY_SECONDS + STOP_SECONDS
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode and words[0] != "down":
        raise OSError(f"kubesvc {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _status(environment: dict[str, str], name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_kubesvc(environment, "status", "--name", name, "-o", "json"))
    return found


def _service(status: dict[str, Any]) -> str:
    return str(next(each["clusterIP"] for each in status["services"] if each["name"] == "web"))


def _wait(address: tuple[str, int]) -> None:
    """Return once a connection is answered; TimeoutError if that does not come."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(address, 1.0) as sock:
                sock.sendall(b"e")
                if sock.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers at {address} after {READY_SECONDS:g} s")

"""Two control planes under the same work: kubesvc, and etcd with kube-apiserver and kube-controller-manager.

Both start empty. Each is one number: the CPU time and the memory of all of its processes. kubesvc's has in it what the
other leaves to the nodes: proxy, name server and kubelet.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.api import configuration, services
from benchmarks.api_load import SECONDS, Server, Watchers, Writer
from benchmarks.cluster.controlplane import TOKEN, URL, control_plane
from benchmarks.cluster.figures import Figures
from benchmarks.cluster.peers import KUBESVC
from benchmarks.cluster.room import Room
from benchmarks.clusters import started
from benchmarks.suite.contest import turns
from benchmarks.suite.processes import cpu_seconds, proportional_bytes

CONTROL_PLANE = "control plane"
SERVICES, PODS, LISTS, WATCHERS, EVENTS = 1000, 2000, 10, 100, 200
_PODS = "/api/v1/namespaces/default/pods"
_SERVICES = "/api/v1/namespaces/default/services"


@dataclass(frozen=True)
class Plane:
    """A control plane that runs: where its API is, its processes, and how many ``seconds`` it took to be ready."""

    server: Server
    pids: tuple[int, ...]
    seconds: float

    def cpu_seconds(self) -> float:
        """Return what all of it has taken of the CPUs so far."""
        return sum(map(cpu_seconds, self.pids))

    def mebibytes(self) -> float:
        """Return the memory of all of it; a page that processes share counts once."""
        return sum(map(proportional_bytes, self.pids)) / 2**20


def planes(room: Room, tell: Callable[[str], None]) -> Figures:
    """Return the figures of both."""
    found = Figures()
    for number, name in turns((KUBESVC, CONTROL_PLANE), room.rounds):
        tell(f"{name}: round {number + 1} of {room.rounds}")
        with _started(name, room, number) as plane:
            found.add("planeStartSeconds", name, plane.seconds)
            found.add("planeEmptyMiB", name, plane.mebibytes())
            for figure, value in asyncio.run(_work(plane)).items():
                found.add(figure, name, value)
            found.add("planeFullMiB", name, plane.mebibytes())
    return found


def _started(name: str, room: Room, number: int) -> Any:
    return _kubesvc() if name == KUBESVC else _control_plane(room, number)


@contextmanager
def _kubesvc() -> Iterator[Plane]:
    """Run a cluster of kubesvc for the length of the block."""
    with started(f"bench-{os.getpid()}", json.dumps(configuration())) as found:
        server = Server.of(Path(found.status["api"]["kubeconfig"]))
        yield Plane(server, (found.status["pid"],), found.seconds)


@contextmanager
def _control_plane(room: Room, number: int) -> Iterator[Plane]:
    """Run etcd, kube-apiserver and kube-controller-manager for the length of the block."""
    folder = room.folder / f"plane-{number}"
    folder.mkdir()
    begin = time.perf_counter()
    with control_plane(folder, room.programs) as plane:
        took = time.perf_counter() - begin
        server = Server(URL, TOKEN, ssl.create_default_context(cafile=plane.authority))
        yield Plane(server, (plane.etcd.pid, plane.apiserver.pid, plane.controllers.pid), took)
    shutil.rmtree(folder, ignore_errors=True)


async def _work(plane: Plane) -> dict[str, float]:
    """Return the CPU seconds of each work."""
    names = [f"bench-{number:04}" for number in range(SERVICES)]
    taken: dict[str, float] = {}

    @contextmanager
    def counted(figure: str) -> Iterator[None]:
        begin = plane.cpu_seconds()
        yield
        taken[figure] = plane.cpu_seconds() - begin

    async with plane.server.session() as session:
        with counted("planeServicesCPUSeconds"):
            for each in services(names):
                await _post(session, _SERVICES, each)
        for number in range(PODS):
            await _post(session, _PODS, _pod(number))
        with counted("planeListsCPUSeconds"):
            for _ in range(LISTS):
                await _list(session)
        watching, writer = Watchers(session), Writer(session, names)
        async with watching.watching(WATCHERS):
            with counted("planeWatchersCPUSeconds"):
                await writer.write(EVENTS)
                await watching.wait_until_told(EVENTS)
    return taken


async def _post(session: aiohttp.ClientSession, path: str, obj: dict[str, Any]) -> None:
    async with asyncio.timeout(SECONDS), session.post(path, json=obj) as answer:
        await answer.read()
        answer.raise_for_status()


async def _list(session: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(SECONDS), session.get(_PODS) as answer:
        answer.raise_for_status()
        listed = json.loads(await answer.read())
    if len(listed["items"]) != PODS:
        raise OSError(f"{len(listed['items'])} pods are listed, not {PODS}")


def _pod(number: int) -> dict[str, Any]:
    """Return a pod of a Deployment that waits for its gate: nothing is started for it."""
    labels = {"app": f"app-{number}", "pod-template-hash": f"{number:010x}"}
    container = {"name": "app", "image": "registry.k8s.io/pause:3.10", "ports": [{"containerPort": 8080}]}
    spec = {"containers": [container], "schedulingGates": [{"name": "example.com/bench"}]}
    metadata = {"name": f"app-{number}-{number:010x}-abcde", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

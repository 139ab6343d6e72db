"""kubesvc's proxy, in both modes, and kube-proxy on one API server: from start to synced, memory, one more, changes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from socket import AF_INET, SOCK_STREAM

from benchmarks.cluster.controlplane import ControlPlane
from benchmarks.cluster.figures import Figures
from benchmarks.cluster.load import PORT, SERVICES, SLICES, address_of, endpoint_slice, service
from benchmarks.cluster.networks import NodeNetwork
from benchmarks.cluster.peers import KUBE_PROXY, KUBESVC, KUBESVC_NFTABLES, ProxyOnNode, proxy_on, proxy_program
from benchmarks.cluster.room import Room
from benchmarks.suite.contest import turns
from benchmarks.suite.processes import cpu_seconds, own_resident_bytes

SAMPLED = 20
"""Services of which each is to answer before a proxy counts as synced, the last one among them."""
MORE = 11
SYNC_SECONDS = 300.0
SETTLE_SECONDS = 5.0
CHANGE_SECONDS = 60
CHANGES_PER_SECOND = 100
PEERS = (KUBESVC, KUBESVC_NFTABLES, KUBE_PROXY)


def fill(plane: ControlPlane, room: Room) -> None:
    """Have all Services in the API server."""
    words = ("fill", str(room.services), str(room.endpoints))
    _load(plane, *words, seconds=600)


def proxies(plane: ControlPlane, networks: dict[str, NodeNetwork], room: Room, tell: Callable[[str], None]) -> Figures:
    """Return the figures of all, each in a network of its own."""
    found = Figures()
    for number, name in turns(PEERS, room.rounds):
        tell(f"{name} from start to synced: round {number + 1} of {room.rounds}")
        _start(found, name, networks[name], plane, room)
    with ExitStack() as stack:
        running = [stack.enter_context(proxy_on(name, networks[name], room.beside(plane))) for name in PEERS]
        for each in running:
            _wait_until_synced(each.network, room.services)
        tell("one more Service")
        for number in range(MORE):
            _one_more(found, plane, running, number)
        tell(f"{CHANGES_PER_SECOND} changes of endpoints a second for {room.change_seconds} s")
        _churn(found, plane, running, room)
    return found


def _start(found: Figures, name: str, network: NodeNetwork, plane: ControlPlane, room: Room) -> None:
    program = proxy_program(name, network, room.beside(plane))
    begin = time.perf_counter()
    try:
        program.spawn()
        _wait_until_synced(network, room.services)
        found.add("syncedSeconds", name, time.perf_counter() - begin)
        found.add("syncedCPUSeconds", name, cpu_seconds(program.pid))
        time.sleep(SETTLE_SECONDS)
        found.add("MiB", name, own_resident_bytes(program.pid) / (1 << 20))
        found.add("peakMiB", name, _peak(program.pid) / (1 << 10))
    finally:
        program.stop()
        # kube-proxy leaves its rules behind, which would serve the next one's Services before it has begun.
        network.run("nft", "flush", "ruleset")


def _wait_until_synced(network: NodeNetwork, services: int) -> None:
    """Return once a sample of Services answers; TimeoutError if it does not."""
    deadline = time.monotonic() + SYNC_SECONDS
    sample = {services - 1, *range(0, services, max(1, services // SAMPLED))}
    for number in sorted(sample, reverse=True):
        while not is_served(network, address_of(number)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Service {number} is not served after {SYNC_SECONDS:g} s")
            time.sleep(0.01)


def is_served(network: NodeNetwork, address: str, seconds: float = 0.1) -> bool:
    """Tell whether a connection to a Service reaches a pod now: nobody answers to an address that is not known yet."""
    with network.socket(AF_INET, SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        try:
            sock.connect((address, PORT))
            return bool(sock.recv(64))
        except OSError:
            return False


def _one_more(found: Figures, plane: ControlPlane, running: list[ProxyOnNode], number: int) -> None:
    """Note for each proxy how long after the API's answer a new Service serves; then it goes again."""
    api, address = plane.api(), address_of(number, 98)
    name = 20_000 + number
    api.send("POST", SLICES, endpoint_slice(name, 10))
    api.send("POST", SERVICES, service(name, address))
    begin = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        served = [pool.submit(_seconds_until_served, each.network, address, begin) for each in running]
    for each, seconds in zip(running, served, strict=True):
        found.add("oneMoreMilliseconds", each.name, seconds.result() * 1000)
    api.delete(f"{SERVICES}/s{name}")
    api.delete(f"{SLICES}/s{name}-1")
    time.sleep(1.5)  # kube-proxy syncs once a second: the next one is not to wait for this one


def _seconds_until_served(network: NodeNetwork, address: str, begin: float) -> float:
    while not is_served(network, address, 0.02):
        if time.perf_counter() - begin > SYNC_SECONDS:
            raise TimeoutError(f"a new Service is not served after {SYNC_SECONDS:g} s")
        time.sleep(0.0005)
    return time.perf_counter() - begin


def _churn(found: Figures, plane: ControlPlane, running: list[ProxyOnNode], room: Room) -> None:
    before = {each.name: cpu_seconds(each.pid) for each in running}
    words = ("churn", str(room.services), str(room.change_seconds), str(CHANGES_PER_SECOND))
    _load(plane, *words, seconds=room.change_seconds + 120)
    time.sleep(2.0)  # what is left to be synced
    for each in running:
        found.add("churnCPUSeconds", each.name, cpu_seconds(each.pid) - before[each.name])
        found.add("churnMiB", each.name, own_resident_bytes(each.pid) / (1 << 20))


def _load(plane: ControlPlane, *words: str, seconds: float) -> None:
    command = [sys.executable, "-m", "benchmarks.cluster.load", str(plane.authority), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise OSError(f"the load failed: {done.stderr.strip()[-1000:]}")


def _peak(pid: int) -> float:
    """Return the most memory that a process has had, in KiB."""
    lines: Iterator[str] = iter(Path(f"/proc/{pid}/status").read_text().splitlines())
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM"))

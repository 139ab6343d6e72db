"""Both name servers on one API server: from start to answering, memory, and the CPU of a query for a hot name."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from socket import AF_INET, SOCK_DGRAM, socket

from benchmarks.cluster.controlplane import ControlPlane
from benchmarks.cluster.figures import Figures
from benchmarks.cluster.load import NAMESPACE
from benchmarks.cluster.peers import COREDNS, KUBESVC, NameServer, name_server, name_server_program
from benchmarks.cluster.room import Room
from benchmarks.suite.contest import turns
from benchmarks.suite.processes import find_program, own_cpu_seconds, own_resident_bytes
from kubedns.names import wire_of
from kubehost.addresses import Address

HOT_NAMES = 100
RATE = 20_000
"""Queries a second where as many come as in a busy cluster, and not as many as can be answered."""
ANSWER_SECONDS = 120.0
SETTLE_SECONDS = 5.0
_CACHE = "cache 30"
"""As in kubeadm's Corefile."""
_PEERS = (KUBESVC, COREDNS)
_A = 1


def names(plane: ControlPlane, room: Room, tell: Callable[[str], None]) -> Figures:
    """Return the figures of both name servers."""
    found = Figures()
    for number, name in turns(_PEERS, room.rounds):
        tell(f"{name} from start to answering: round {number + 1} of {room.rounds}")
        _start(found, name, plane, room)
    dnsperf = find_program("dnsperf")
    if dnsperf is None:
        found.gaps["queryCPUMicroseconds"] = "dnsperf is not installed"
        return found
    with ExitStack() as stack:
        servers = {name: stack.enter_context(name_server(name, room.beside(plane, _CACHE))) for name in _PEERS}
        for number, name in turns(_PEERS, room.rounds):
            tell(f"{name}, hot names: round {number + 1} of {room.rounds}")
            _hot(found, servers[name], room, dnsperf)
    return found


def _start(found: Figures, name: str, plane: ControlPlane, room: Room) -> None:
    program, address = name_server_program(name, room.beside(plane, _CACHE))
    begin = time.perf_counter()
    try:
        program.spawn()
        _wait_until_answered(address, room.services - 1)
        found.add("answeringSeconds", name, time.perf_counter() - begin)
        found.add("answeringCPUSeconds", name, own_cpu_seconds(program.pid))
        time.sleep(SETTLE_SECONDS)
        found.add("dnsMiB", name, own_resident_bytes(program.pid) / (1 << 20))
    finally:
        program.stop()


def _wait_until_answered(address: Address, number: int) -> None:
    """Return once the last Service's name has an address; TimeoutError if that does not come."""
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + wire_of(name_of(number)) + bytes([0, _A, 0, 1])
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        with socket(AF_INET, SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect(address)
                sock.send(query)
                if int.from_bytes(sock.recv(1500)[6:8]) > 0:
                    return
            except OSError:
                time.sleep(0.01)
        time.sleep(0.005)
    raise TimeoutError(f"{name_of(number)} is not answered after {ANSWER_SECONDS:g} s")


def name_of(number: int) -> str:
    """Return the name of a Service."""
    return f"s{number}.{NAMESPACE}.svc.cluster.local"


def _hot(found: Figures, server: NameServer, room: Room, dnsperf: str) -> None:
    microseconds, said = _ask(server, room, dnsperf)
    found.add("queryCPUMicroseconds", server.name, microseconds)
    found.add("queriesPerSecond", server.name, _read(said, r"Queries per second:\s+([\d.]+)"))
    microseconds, _ = _ask(server, room, dnsperf, "-Q", str(RATE))
    found.add("pacedQueryCPUMicroseconds", server.name, microseconds)


def _ask(server: NameServer, room: Room, dnsperf: str, *limit: str) -> tuple[float, str]:
    """Ask for hot names, and return the CPU of a query in microseconds and what dnsperf says."""
    queries = room.folder / "queries"
    queries.write_text("".join(f"{name_of(each)} A\n" for each in range(HOT_NAMES)))
    host, port = server.address
    words = [dnsperf, "-s", host, "-p", str(port), "-d", str(queries), "-l", str(room.seconds), "-c", "4", "-T", "1"]
    before = own_cpu_seconds(server.pid)
    said = subprocess.run(
        [*words, *limit], capture_output=True, text=True, timeout=room.seconds + 60, check=True
    ).stdout
    took = own_cpu_seconds(server.pid) - before
    return took / _read(said, r"Queries completed:\s+(\d+)") * 1e6, said


def _read(said: str, pattern: str) -> float:
    found = re.search(pattern, said)
    if found is None:
        raise OSError(f"dnsperf says {said.strip()[-300:]!r}")
    return float(found[1])

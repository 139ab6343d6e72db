"""The peers and what is behind them: started for one work each, and ended by their ids."""

from __future__ import annotations

import getpass
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clusters import ClusterError, cluster
from benchmarks.suite import configurations, zones
from benchmarks.suite.envoy import envoy
from benchmarks.suite.processes import PeerError, find_program, running, without_paths
from benchmarks.suite.settings import (
    AIOHTTP,
    BACKEND,
    BULK_PORT,
    COREDNS,
    DIRECT,
    DNS_PORT,
    DNSMASQ,
    ECHO_PORT,
    ENVOY,
    FRONT_PORT,
    FRONTS,
    HAPROXY,
    KUBESVC,
    NGINX,
    STREAMS,
    UNCHANGED,
    WEB_PORT,
    Work,
    hot_names,
)

NGINX_MODULES = Path("/usr/lib/nginx/modules")
"""Where Debian puts them."""


@dataclass(frozen=True)
class Front:
    """Where a peer answers, and the process that does; None is nobody in between.

    ``kubeconfig`` leads to the API through which what it answers changes.
    """

    address: str
    port: int
    pid: int | None
    kubeconfig: str = ""


@dataclass(frozen=True)
class Ground:
    """Where peers may write, and where nginx' modules are."""

    folder: Path
    modules: Path = NGINX_MODULES


def raise_file_limit() -> int:
    """Let this process and what it starts open as many files as it may, and return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise PeerError("is not installed")
    return found


def has_program(name: str) -> bool:
    """Tell whether a program is there."""
    return find_program(name) is not None


def accepts(address: str, port: int) -> Callable[[], bool]:
    """Return the question whether somebody takes connections there."""

    def ask() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((address, port)) == 0

    return ask


def answers(address: str, port: int, message: bytes) -> Callable[[], bool]:
    """Return the question whether somebody answers a datagram there."""

    def ask() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            try:
                probe.connect((address, port))
                probe.send(message)
                return bool(probe.recv(2048))
            except OSError:
                return False

    return ask


def question(name: str) -> bytes:
    """Return a DNS query for a name's A record (RFC 1035, 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


@contextmanager
def backend(work: Work, ground: Ground) -> Iterator[None]:
    """Run what is behind the peers of a work."""
    module = [sys.executable, "-m", "benchmarks.suite.traffic"]
    log = ground.folder / "backend.log"
    if work.backend_port == BULK_PORT:
        with running([*module, "serve-bulk", BACKEND, str(BULK_PORT)], log, accepts(BACKEND, BULK_PORT)):
            yield
    elif work.backend_port == ECHO_PORT:
        with running([*module, "serve-echo", BACKEND, str(ECHO_PORT)], log, answers(BACKEND, ECHO_PORT, b".")):
            yield
    elif work.backend_port == WEB_PORT:
        text = configurations.backend_nginx(WEB_PORT, raise_file_limit())
        with _nginx("backend", text, ground, accepts(BACKEND, WEB_PORT)):
            yield
    else:
        yield


@contextmanager
def _nginx(name: str, text: str, ground: Ground, is_up: Callable[[], bool]) -> Iterator[int]:
    folder = ground.folder / f"nginx-{name}"
    folder.mkdir(exist_ok=True)
    file = folder / "nginx.conf"
    file.write_text(text)
    command = [_program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(file)]
    with running(command, folder / "log", is_up) as pid:
        yield pid


def _is_up(work: Work, peer: str) -> Callable[[], bool]:
    if work.protocol == "dns":
        return answers(FRONTS[peer], DNS_PORT, question(next(iter(hot_names()))))
    if work.protocol == "udp":
        return answers(FRONTS[peer], FRONT_PORT, b".")
    return accepts(FRONTS[peer], FRONT_PORT)


@contextmanager
def front(peer: str, work: Work, ground: Ground) -> Iterator[Front]:
    """Run a peer and yield where it answers; PeerError when it cannot be had."""
    if peer == DIRECT:
        yield Front(BACKEND, work.backend_port, None)
    elif peer in (KUBESVC, UNCHANGED):
        with _kubesvc(peer, work) as found:
            yield found
    elif peer == COREDNS:
        with _coredns(work, ground) as found:
            yield found
    else:
        port = DNS_PORT if work.protocol == "dns" else FRONT_PORT
        with _process(peer, work, ground) as pid:
            yield Front(FRONTS[peer], port, pid)


@contextmanager
def _cluster(peer: str, work: Work) -> Iterator[dict[str, Any]]:
    if work.protocol == "dns":
        manifests = zones.manifests(peer, is_headless=work.name == "dns-churn")
    else:
        manifests = configurations.kubesvc(work.protocol, work.backend_port)
    try:
        with cluster(f"bench-{peer.replace(' ', '-')}-{os.getpid()}", manifests) as status:
            yield status
    except ClusterError as error:
        raise PeerError(f"did not start: {without_paths(str(error))}") from error


@contextmanager
def _kubesvc(peer: str, work: Work) -> Iterator[Front]:
    with _cluster(peer, work) as status:
        if work.protocol != "dns":
            yield Front(FRONTS[KUBESVC], FRONT_PORT, status["pid"])
        else:
            at, kubeconfig = status["dns"]["addresses"][0], status["api"]["kubeconfig"]
            yield Front(at["address"], at["port"], status["pid"], "" if peer == UNCHANGED else kubeconfig)


@contextmanager
def _coredns(work: Work, ground: Ground) -> Iterator[Front]:
    """Run CoreDNS on one thread, as everybody, before a cluster that only has its API for it."""
    program = _program(COREDNS)
    with _cluster(COREDNS, work) as status:
        kubeconfig = status["api"]["kubeconfig"]
        file = ground.folder / "Corefile"
        file.write_text(configurations.coredns(FRONTS[COREDNS], kubeconfig))
        command, log = [program, "-conf", str(file)], ground.folder / "coredns.log"
        with running(command, log, _is_up(work, COREDNS), {"GOMAXPROCS": "1"}) as pid:
            yield Front(FRONTS[COREDNS], DNS_PORT, pid, kubeconfig)


@contextmanager
def _haproxy(work: Work, ground: Ground) -> Iterator[int]:
    program = _program("haproxy")
    file = ground.folder / "haproxy.cfg"
    file.write_text(configurations.haproxy(work.protocol, work.backend_port, raise_file_limit()))
    command = [program, "-db", "-q", "-f", str(file)]
    with running(command, ground.folder / "haproxy.log", _is_up(work, HAPROXY)) as pid:
        yield pid


@contextmanager
def _nginx_proxy(work: Work, ground: Ground) -> Iterator[int]:
    module = ground.modules / "ngx_stream_module.so"
    if work.protocol != "http" and not module.exists():
        raise PeerError("its stream module is not installed (Debian: libnginx-mod-stream)")
    text = configurations.proxy_nginx(work.protocol, work.backend_port, raise_file_limit(), str(module))
    with _nginx("proxy", text, ground, _is_up(work, NGINX)) as pid:
        yield pid


@contextmanager
def _envoy(work: Work, ground: Ground) -> Iterator[int]:
    """Run Envoy with one worker; its other threads do nothing for a request."""
    program = _program("envoy")
    file = ground.folder / "envoy.json"
    file.write_text(envoy(work.protocol, work.backend_port))
    command = [program, "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    with running(command, ground.folder / "envoy.log", _is_up(work, ENVOY)) as pid:
        yield pid


@contextmanager
def _handmade(peer: str, work: Work, ground: Ground) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.suite.handmade", "http" if peer == AIOHTTP else "tcp"]
    where = [FRONTS[peer], str(FRONT_PORT), BACKEND, str(work.backend_port)]
    with running([*command, *where], ground.folder / "handmade.log", _is_up(work, peer)) as pid:
        yield pid


@contextmanager
def _dns(peer: str, work: Work, ground: Ground) -> Iterator[int]:
    program = _program(peer)
    names = hot_names()
    if peer == DNSMASQ:
        command = [program, *configurations.dnsmasq(FRONTS[peer], names, getpass.getuser())[1:]]
    else:
        if work.name == "dns-cold":
            raise PeerError("has no names by pattern")
        file = ground.folder / "unbound.conf"
        file.write_text(configurations.unbound(FRONTS[peer], names))
        command = [program, "-d", "-c", str(file)]
    with running(command, ground.folder / f"{peer}.log", _is_up(work, peer)) as pid:
        yield pid


def _process(peer: str, work: Work, ground: Ground) -> AbstractContextManager[int]:
    if peer == HAPROXY:
        return _haproxy(work, ground)
    if peer == NGINX:
        return _nginx_proxy(work, ground)
    if peer == ENVOY:
        return _envoy(work, ground)
    if peer in (STREAMS, AIOHTTP):
        return _handmade(peer, work, ground)
    return _dns(peer, work, ground)

"""Start and scale: how long until ready, how much memory, how soon a change serves, and what a request costs then.

Everything through the command line and the API, as a user would. The cost of a request at a size is compared with that
at one Service in turns: both clusters run side by side.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.api_load import Server
from benchmarks.clusters import Started, started
from benchmarks.suite.configurations import CLUSTER, endpoint_slice, service
from benchmarks.suite.contest import turns
from benchmarks.suite.peers import Front, Ground, backend
from benchmarks.suite.processes import own_resident_bytes
from benchmarks.suite.samples import Ratio, Sample, ratio
from benchmarks.suite.settings import BACKEND, FRONT_PORT, WEB_PORT, WORKS
from benchmarks.suite.trials import Trials

SIZES = (1, 100, 1_000, 10_000)
ENDPOINTS = 2
"""Of each Service but the one that is asked."""
CHANGES = 11
START_SECONDS = 180
SERVING_SECONDS = 10.0
"""Bound of the wait for one change."""
TUTORIAL = Path(__file__).parents[2] / "configs" / "tutorial"
TUTORIAL_STARTS = 5
SMALL = {
    **CLUSTER,
    "networking": {
        "serviceSubnet": "127.88.64.0/20",
        "podSubnet": "127.88.32.0/19",
        "loadBalancerSubnet": "127.88.226.0/24",
        "serviceNodePortRange": "23700-23799",
    },
    "nodes": [{"name": "node-1", "address": "127.88.227.1"}],
}
"""The cluster of one Service, beside the other."""
SMALL_WEB = "127.88.64.11"
WEB = "127.88.128.11"
_FIRST = (127 << 24) + (88 << 16) + (129 << 8)
"""127.88.129.0: from here on every other Service has its address."""
_MORE = "127.88.190.1"
"""Of the Service that is made to see how soon it serves."""
_CONNECTION = next(work for work in WORKS if work.name == "connection")


def documents(count: int, configuration: dict[str, Any], web: str) -> Iterator[dict[str, Any]]:
    """Yield a cluster of ``count`` Services: one in front of the backend, the others before silent addresses."""
    yield configuration
    yield from _pair("web", web, (BACKEND,))
    for number in range(count - 1):
        ends = tuple(
            f"127.88.{2 + each // 250}.{1 + each % 250}" for each in (number * 2 % 4000, number * 2 % 4000 + 1)
        )
        yield from _pair(f"other-{number}", dotted(_FIRST + number), ends[:ENDPOINTS])


def _pair(name: str, address: str, endpoints: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    yield service(name, address, {"port": FRONT_PORT, "targetPort": WEB_PORT, "protocol": "TCP"})
    yield endpoint_slice(name, WEB_PORT, "TCP", endpoints)


def dotted(number: int) -> str:
    """Return the IPv4 address with a number."""
    return socket.inet_ntoa(number.to_bytes(4, "big"))


def _text(count: int, configuration: dict[str, Any], web: str) -> str:
    return "\n---\n".join(json.dumps(each) for each in documents(count, configuration, web))


def scale(
    sizes: tuple[int, ...], ground: Ground, trials: Trials, rounds: int, tell: Callable[[str], None]
) -> dict[str, float]:
    """Measure every size and return the figures by name."""
    found: dict[str, float] = {}
    small = started(f"bench-one-{os.getpid()}", _text(1, SMALL, SMALL_WEB), START_SECONDS)
    with backend(_CONNECTION, ground), small as one:
        for size in sizes:
            tell(f"{size:,} Services")
            big = started(f"bench-{os.getpid()}", _text(size, CLUSTER, WEB), START_SECONDS)
            with big as many:
                found |= {f"{name}@{size}": value for name, value in _at_size(many).items()}
                cost = _cost(trials, one.status["pid"], many.status["pid"], rounds)
            if cost is not None:
                low, high = f"costRatioLow@{size}", f"costRatioHigh@{size}"
                found |= {f"costRatio@{size}": cost.median, low: cost.low, high: cost.high}
    return found


def _at_size(cluster: Started) -> dict[str, float]:
    more, change = _changes(Server.of(Path(cluster.status["api"]["kubeconfig"])))
    return {
        "readySeconds": cluster.seconds,
        "MiB": own_resident_bytes(cluster.status["pid"]) / (1 << 20),
        "oneMoreMilliseconds": more * 1000,
        "endpointChangeMilliseconds": change * 1000,
    }


def _cost(trials: Trials, one: int, many: int, rounds: int) -> Ratio | None:
    fronts = {"one": Front(SMALL_WEB, FRONT_PORT, one), "many": Front(WEB, FRONT_PORT, many)}
    samples: dict[str, list[Sample]] = {"one": [], "many": []}
    for number, which in turns(list(fronts), rounds):
        samples[which].append(trials.run(_CONNECTION, fronts[which], number))
    return ratio(samples, "many", "one", "cpu")


@dataclass(frozen=True)
class API:
    """An open connection to a cluster's API."""

    connection: http.client.HTTPSConnection
    token: str

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        """Return the body of the answer; OSError if it is a refusal."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise OSError(f"{method} {path}: {answer.status} {said[:200]!r}")
        return said


def _changes(server: Server) -> tuple[float, float]:
    """Return the seconds from the API's answer until a new Service serves, and until a lost endpoint is not used."""
    url = urlsplit(server.url)
    context = None if isinstance(server.context, bool) else server.context
    with contextlib.closing(http.client.HTTPSConnection(url.hostname or "", url.port, context=context)) as connection:
        api = API(connection, server.token)
        rounds = [_change(api) for _ in range(CHANGES)]
    return statistics.median(more for more, _ in rounds), statistics.median(change for _, change in rounds)


def _change(api: API) -> tuple[float, float]:
    made, slice_made = _pair("more", _MORE, (BACKEND,))
    services, slices = (
        "/api/v1/namespaces/default/services",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    )
    api.send("POST", slices, slice_made)
    api.send("POST", services, made)
    more = _until(lambda: is_serving(_MORE, FRONT_PORT))
    api.send("PATCH", f"{slices}/more-1", {"endpoints": []}, "application/merge-patch+json")
    change = _until(lambda: is_refused(_MORE, FRONT_PORT))
    api.send("DELETE", f"{services}/more")
    api.send("DELETE", f"{slices}/more-1")
    _until(lambda: is_refused(_MORE, FRONT_PORT))
    return more, change


def is_serving(address: str, port: int) -> bool:
    """Tell whether a request there is answered by somebody."""
    try:
        with socket.create_connection((address, port), 1.0) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def is_refused(address: str, port: int) -> bool:
    """Tell whether a connection there is refused, as by a Service without endpoints."""
    with socket.socket() as connection:
        connection.settimeout(1.0)
        return connection.connect_ex((address, port)) == errno.ECONNREFUSED


def _until(question: Callable[[], bool]) -> float:
    begin = time.perf_counter()
    while not question():
        if time.perf_counter() - begin > SERVING_SECONDS:
            raise TimeoutError(f"a change was not seen within {SERVING_SECONDS:g} s")
    return time.perf_counter() - begin


def tutorial_documents(sandbox: str = "auto") -> str:
    """Return the tutorial at addresses of its own, so that it may run beside a cluster that has its."""
    texts = [file.read_text() for file in sorted(TUTORIAL.glob("*.yaml")) if file.name != "cluster.yaml"]
    here = {"30001": "23801", "192.168.0.101": "127.88.230.1"}
    configuration = {
        **CLUSTER,
        "sandbox": sandbox,
        "externalHosts": [
            {"name": "k8s.service.com", "address": "127.88.230.2", "port": 18081, "page": "k8s ExternalName test page"}
        ],
    }
    text = "\n---\n".join([json.dumps(configuration), *texts])
    for theirs, ours in here.items():
        text = text.replace(theirs, ours)
    return text


def tutorial_seconds() -> float:
    """Return how long ``kubesvc up --detach`` takes until all of the tutorial is ready, pods included; a median."""
    seconds = []
    for _ in range(TUTORIAL_STARTS):
        with started(f"bench-tutorial-{os.getpid()}", tutorial_documents(), START_SECONDS) as found:
            seconds.append(found.seconds)
    return statistics.median(seconds)

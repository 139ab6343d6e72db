"""Endpoints that change while their names are asked for: through the API, and with a look at what is answered.

    python -m benchmarks.suite.churn KUBECONFIG ADDRESS PORT

Prints a line when it begins, goes on until its standard input ends, and prints a sample as JSON: changes that were
made; as errors, answers with anything but all endpoints of one state of the Service; and as percentiles microseconds
from the API's word that a change is made to the first answer that shows it, looked for at once and with every change
after that (what no answer has shown yet counts with how long that is).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import struct
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.api_load import Server
from benchmarks.suite.peers import question
from benchmarks.suite.settings import HOT_SERVICES, hot_names
from benchmarks.suite.zones import STATES, endpoints
from svcbench.statistics.ranks import nearest_rank

PACE = 0.05
"""Seconds from change to change: 20 a second."""
ANSWER_SECONDS = 1.0
_SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
_POINTER = 0xC0
_RECORD = struct.Struct("!HHIH")
_TYPE_A = 1


def addresses_of(answer: bytes, asked: bytes) -> frozenset[str]:
    """Return the IPv4 addresses in the answer to a question without EDNS (RFC 1035, 4.1)."""
    found = set()
    at = len(asked)
    for _ in range(int.from_bytes(answer[6:8], "big")):
        while 0 < answer[at] < _POINTER:
            at += answer[at] + 1
        at += 2 if answer[at] else 1
        kind, _, _, length = _RECORD.unpack_from(answer, at)
        at += _RECORD.size + length
        if kind == _TYPE_A:
            found.add(socket.inet_ntoa(answer[at - length : at]))
    return frozenset(found)


def state_of(number: int, addresses: frozenset[str]) -> int | None:
    """Return which state of a Service an answer shows, None where it is no state as a whole."""
    state = int(next(iter(addresses)).split(".")[2]) if addresses else 0
    return state if addresses == frozenset(endpoints(number, state)) else None


class Churn:
    """Makes changes over the ``api``, and asks ``at`` about those that have not been seen yet."""

    def __init__(self, api: http.client.HTTPSConnection, token: str, asking: socket.socket) -> None:
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        self._asking = asking
        self._names = list(hot_names())
        self._unseen: dict[int, tuple[int, float]] = {}
        self._micros: list[int] = []
        self._changes = 0
        self._errors = 0

    def go_on(self) -> None:
        """Change the next Service, and look at all that have not been seen to change yet."""
        number = self._changes % HOT_SERVICES
        state = (int(time.time()) + self._changes // HOT_SERVICES) % STATES
        self._change(number, state)
        self._changes += 1
        self._unseen[number] = state, time.perf_counter()
        for each in list(self._unseen):
            self._look(each)

    def sample(self) -> dict[str, float]:
        """Return what there was to see."""
        now = time.perf_counter()
        ordered = sorted(self._micros + [int((now - since) * 1e6) for _, since in self._unseen.values()])
        shown = {name: nearest_rank(ordered, at) for name, at in (("p50", 50), ("p99", 99), ("p999", 99.9))}
        return {"done": self._changes, "errors": self._errors, **shown}

    def _change(self, number: int, state: int) -> None:
        body = {"endpoints": [{"addresses": [each]} for each in endpoints(number, state)]}
        path = f"{_SLICES}/{self._names[number].split('.')[0]}-1"
        self._api.request("PATCH", path, json.dumps(body), self._headers)
        answer = self._api.getresponse()
        said = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"PATCH {path}: {answer.status} {said[:200]!r}")

    def _look(self, number: int) -> None:
        wanted, since = self._unseen[number]
        asked = question(self._names[number])
        self._asking.send(asked)
        try:
            shown = state_of(number, addresses_of(self._asking.recv(4096), asked))
        except TimeoutError:
            shown = None
        self._errors += shown is None
        if shown == wanted:
            del self._unseen[number]
            self._micros.append(int((time.perf_counter() - since) * 1e6))


def churn(kubeconfig: Path, address: str, port: int) -> dict[str, float]:
    """Go on until standard input ends, and return what there was to see."""
    server = Server.of(kubeconfig)
    url = urlsplit(server.url)
    context = None if isinstance(server.context, bool) else server.context
    with (
        contextlib.closing(http.client.HTTPSConnection(url.hostname or "", url.port, context=context)) as api,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
    ):
        asking.settimeout(ANSWER_SECONDS)
        asking.connect((address, port))
        found = Churn(api, server.token, asking)
        print("changing", flush=True)
        due = time.perf_counter()
        while not select.select([sys.stdin], [], [], max(0.0, due - time.perf_counter()))[0]:
            due += PACE
            found.go_on()
        return found.sample()


def main() -> None:
    """Change what the arguments name."""
    kubeconfig, address, port = sys.argv[1:]
    print(json.dumps(churn(Path(kubeconfig), address, int(port))))


if __name__ == "__main__":
    main()

"""What fills the API server and changes it, as a process of its own.

    python -m benchmarks.cluster.load AUTHORITY fill SERVICES ENDPOINTS
    python -m benchmarks.cluster.load AUTHORITY churn SERVICES SECONDS RATE

``fill`` makes Services of one port, each before one slice. ``churn`` takes an endpoint out of a slice or puts it back
RATE times a second, and prints how many changes the API server has taken.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.cluster.api import MERGE
from benchmarks.cluster.controlplane import TOKEN, URL
from benchmarks.cluster.servers import PORTS

PORT = 80
NAMESPACE = "default"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
_AT_ONCE = 24
_PODS = 10_000
"""Different pods; Services share them where there are more endpoints than that."""


def address_of(number: int, second: int = 97) -> str:
    """Return the cluster IP of a Service."""
    return f"10.{second}.{number // 250}.{number % 250 + 1}"


def service(number: int, address: str = "") -> dict[str, Any]:
    """Return a Service."""
    ports = [{"name": "http", "port": PORT, "targetPort": PORTS[0]}]
    spec = {"clusterIP": address or address_of(number), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(f"s{number}"), "spec": spec}


def endpoint_slice(number: int, endpoints: int) -> dict[str, Any]:
    """Return the slice of a Service."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**_metadata(f"s{number}-1"), "labels": {"kubernetes.io/service-name": f"s{number}"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": PORTS[0], "protocol": "TCP"}],
        "endpoints": [_endpoint((number * endpoints + each) % _PODS) for each in range(endpoints)],
    }


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE}


def _endpoint(pod: int) -> dict[str, Any]:
    node = 1 + pod // (_PODS // 2)
    address = f"10.244.{10 * node + pod % (_PODS // 2) // 250}.{pod % 250 + 1}"
    target = {"kind": "Pod", "name": f"pod-{pod}", "namespace": NAMESPACE}
    conditions = {"ready": True, "serving": True, "terminating": False}
    return {"addresses": [address], "conditions": conditions, "nodeName": f"node-{node}", "targetRef": target}


class Load:
    """Sends requests by one session."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def send(self, method: str, path: str, body: Any, kind: str = "application/json") -> None:
        """Return when the server has taken a request; OSError if it has not."""
        async with (
            self._room,
            self._session.request(method, path, data=json.dumps(body), headers={"Content-Type": kind}) as answer,
        ):
            said = await answer.read()
            if answer.status >= 300 and answer.status != 409:
                raise OSError(f"{method} {path}: {answer.status} {said[:300]!r}")

    async def fill(self, services: int, endpoints: int) -> None:
        """Have so many Services; those that are there stay."""
        for first in range(0, services, 500):
            numbers = range(first, min(first + 500, services))
            made = [self.send("POST", SERVICES, service(each)) for each in numbers]
            slices = [self.send("POST", SLICES, endpoint_slice(each, endpoints)) for each in numbers]
            await asyncio.gather(*made, *slices)

    async def churn(self, services: int, seconds: float, rate: float) -> int:
        """Change slices for so long, and return how many changes there were."""
        begin, changes = time.monotonic(), set()
        for count in itertools.count():
            due = begin + count / rate
            if due - begin >= seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number = count * 7 % services
            listed = endpoint_slice(number, 10)["endpoints"][: 9 + count // services % 2]
            path = f"{SLICES}/s{number}-1"
            changes.add(asyncio.create_task(self.send("PATCH", path, {"endpoints": listed}, MERGE)))
        await asyncio.gather(*changes)
        return len(changes)


async def _main(authority: Path, what: str, numbers: list[int]) -> None:
    connector = aiohttp.TCPConnector(limit=_AT_ONCE, ssl=ssl.create_default_context(cafile=authority))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(URL, connector=connector, headers=headers) as session:
        load = Load(session)
        if what == "fill":
            await load.fill(*numbers)
        else:
            print(await load.churn(*numbers))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], [int(each) for each in sys.argv[3:]]))

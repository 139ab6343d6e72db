"""The recent connections as `kubesvc connections -o json` prints them, and as they come with -w.

A connection is a TCP connection, a UDP flow or an HTTP request:

    time, protocol          when it began (RFC 3339); tcp, udp or http
    client                  its address
    address, port           where it went to
    service, portName       whose address that is
    node                    whose rules it met, "" if any node's would do
    endpoint, pod           where it was sent, "" if nowhere
    why                     random of 3, pinned, retried after ...
    failures                endpoint and reason of the attempts before
    state                   open, closed, or what went wrong
    seconds                 how long it has lasted
    bytesToEndpoint, bytesToClient
    method, target, status  of an HTTP request, else "" and 0
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from kubeproxy.recent import ConnectionRecord, Follower

SETTLE_SECONDS = 0.2
"""How long a follower waits after the first change, so that a short connection is told once and whole."""


class Clocks(NamedTuple):
    """Now, for the ring (monotonic seconds) and for people (seconds since the epoch)."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


Algorithm = Callable[[ConnectionRecord], str]
"""Returns the name of the algorithm that chooses for the Service port of a record."""


def connection_document(record: ConnectionRecord, algorithm: str, monotonic: float, wall: float) -> dict[str, Any]:
    """Return one record as it is now."""
    route, choice = record.route, record.choice
    began = wall - (monotonic - record.began_at)
    ended = monotonic if record.ended_at is None else record.ended_at
    return {
        "time": datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "protocol": record.protocol,
        "client": record.client,
        "address": record.destination.address,
        "port": record.destination.port,
        "service": str(route.port_name.service),
        "portName": route.port_name.port,
        "node": route.node,
        "endpoint": choice.endpoint.address if choice else "",
        "pod": choice.endpoint.target if choice else "",
        "why": _why(record, algorithm),
        "failures": [{"endpoint": endpoint, "reason": reason} for endpoint, reason in record.failures],
        "state": record.outcome or "open",
        "seconds": round(max(0.0, ended - record.began_at), 6),
        "bytesToEndpoint": record.bytes_to_endpoint,
        "bytesToClient": record.bytes_to_client,
        "method": record.method,
        "target": record.target,
        "status": record.status,
    }


def _why(record: ConnectionRecord, algorithm: str) -> str:
    """Return in a few words why this endpoint was chosen."""
    choice = record.choice
    if choice is None:
        return "no endpoint"
    local = ", local" if record.route.is_local else ""
    if record.failures and record.protocol != "udp":  # a flow keeps its endpoint
        endpoint, reason = record.failures[-1]
        if record.outcome == reason:
            return f"{len(record.failures)} attempts failed{local}"
        return f"retried after {endpoint} {reason}{local}"
    return f"pinned{local}" if choice.is_pinned else f"{algorithm} of {choice.among}{local}"


class Ring(Protocol):
    """Where the records are: what is used of the proxy's ``Plane``."""

    def records(self) -> Awaitable[list[ConnectionRecord]]:
        """Return the records, the oldest first."""
        ...

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Have ``follower`` told from now on; returns the way to end that."""
        ...


class Connections:
    """What is known of the connections of one proxy."""

    def __init__(self, ring: Ring, algorithm: Algorithm, clocks: Clocks) -> None:
        self._ring = ring
        self._algorithm = algorithm
        self._clocks = clocks

    async def documents(self, namespace: str = "", name: str = "") -> list[dict[str, Any]]:
        """Return the records that are kept, the oldest first, of one namespace or Service where given."""
        return self._documents(await self._ring.records(), namespace, name)

    async def follow(self, namespace: str = "", name: str = "") -> AsyncGenerator[dict[str, Any], None]:
        """Yield what is kept, and then each connection that begins or ends, for ever.

        A reader that is too slow misses connections and is told how many of all Services: ``{"missed": 12}``.
        """
        changed = asyncio.Event()
        follower = Follower(changed.set)
        stop = self._ring.follow(follower)
        try:
            for document in await self.documents(namespace, name):
                yield document
            while True:
                await changed.wait()
                await asyncio.sleep(SETTLE_SECONDS)
                changed.clear()
                records, missed = follower.take()
                for document in self._documents(records, namespace, name):
                    yield document
                if missed:
                    yield {"missed": missed}
        finally:
            stop()

    def _documents(self, records: Iterable[ConnectionRecord], namespace: str, name: str) -> list[dict[str, Any]]:
        monotonic, wall = self._clocks.monotonic(), self._clocks.wall()
        return [
            connection_document(each, self._algorithm(each), monotonic, wall)
            for each in records
            if namespace in ("", each.route.port_name.namespace) and name in ("", each.route.port_name.name)
        ]

"""The document of `kubesvc connections -o json`, and its stream for -w.

A connection is a TCP connection, a UDP flow or an HTTP request:

    time, protocol          when it began (RFC 3339); tcp, udp or http
    client, clientPort      its address and port, 0 for a port that is not known
    address, port           its destination
    service, portName       the Service port at that address; no Service and the port's number if it is a pod's
    node                    the node with the rules that it met, "" if they are the same on all nodes
    endpoint, pod           the endpoint that was chosen, "" without one
    algorithm               the algorithm that chose; without an endpoint, the one of the Service port now
    why                     random of 3, pinned, cookie, retried after ..., with what was hashed, and the endpoint's
                            weight if it is not 1
    failures                endpoint and reason of failed attempts
    state                   open, closed, or what went wrong
    seconds                 how long it has lasted
    bytesToEndpoint, bytesToClient
    method, target, status  of an HTTP request, else "" and 0
    hashed                  the part of it that the algorithm has hashed, "" for none
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from kubeproxy.telemetry.recent import ConnectionRecord, Follower

_SHOWN = 30
"""Characters of what was hashed that a reason shows."""

SETTLE_SECONDS = 0.2
"""How long a follower waits after the first change, so that a short connection is reported once."""


class Clocks(NamedTuple):
    """The clock of the records (monotonic seconds), and the time of day (seconds since the epoch)."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


Algorithm = Callable[[ConnectionRecord], str]
"""Returns the name of the algorithm that chooses for the Service port of a record now."""


def connection_document(record: ConnectionRecord, algorithm: str, monotonic: float, wall: float) -> dict[str, Any]:
    """Return the document of one record at this moment."""
    route, choice = record.route, record.choice
    ended = monotonic if record.ended_at is None else record.ended_at
    return {
        "time": _time(wall - (monotonic - record.began_at)),
        "protocol": record.protocol,
        "client": record.client,
        "clientPort": record.client_port,
        "address": record.destination.address,
        "port": record.destination.port,
        "service": "" if route.port_name.is_pod else str(route.port_name.service),
        "portName": route.port_name.port,
        "node": route.node,
        "endpoint": choice.endpoint.address if choice else "",
        "pod": choice.endpoint.target if choice else "",
        "algorithm": algorithm,
        "why": _why(record, algorithm),
        "failures": [{"endpoint": endpoint, "reason": reason} for endpoint, reason in record.failures],
        "state": record.outcome or "open",
        "seconds": round(max(0.0, ended - record.began_at), 6),
        "bytesToEndpoint": record.bytes_to_endpoint,
        "bytesToClient": record.bytes_to_client,
        **_request(record),
    }


def _chose(record: ConnectionRecord) -> str:
    return record.choice.algorithm if record.choice else ""


def _request(record: ConnectionRecord) -> dict[str, Any]:
    return {"method": record.method, "target": record.target, "status": record.status, "hashed": record.key}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _why(record: ConnectionRecord, algorithm: str) -> str:
    """Return a phrase: why this endpoint was chosen."""
    choice = record.choice
    if choice is None:
        return "no endpoint"
    if record.route.port_name.is_pod:
        return "the pod itself"
    local = ", local" if record.route.is_local else ""
    if record.failures and record.protocol != "udp":  # a flow keeps its endpoint
        endpoint, reason = record.failures[-1]
        if record.outcome == reason:
            return f"{len(record.failures)} attempts failed{local}"
        return f"retried after {endpoint} {reason}{local}"
    if choice.is_pinned:
        return f"{'cookie' if choice.by_cookie else 'pinned'}{local}"
    weight = f", weight {choice.endpoint.weight}" if choice.endpoint.weight != 1 else ""
    hashed = f", {record.key[:_SHOWN]!r}" if record.key else ""
    return f"{algorithm} of {choice.among}{hashed}{weight}{local}"


class Ring(Protocol):
    """The part of a plane's ``Traffic`` that has the records."""

    def records(self) -> Awaitable[list[ConnectionRecord]]:
        """Return the records, the oldest first."""
        ...

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Send changes to ``follower`` from now on; returns the function that ends it."""
        ...


class Connections:
    """The recent connections of one proxy."""

    def __init__(self, ring: Ring, algorithm: Algorithm, clocks: Clocks) -> None:
        self._ring = ring
        self._algorithm = algorithm
        self._clocks = clocks

    async def documents(self, namespace: str = "", name: str = "") -> list[dict[str, Any]]:
        """Return the recent connections, the oldest first, of one namespace or Service if given."""
        return self._documents(await self._ring.records(), namespace, name)

    async def follow(self, namespace: str = "", name: str = "") -> AsyncGenerator[dict[str, Any], None]:
        """Yield the recent connections, then each that begins or ends, for ever.

        A reader that is too slow misses connections and gets their number, over all Services: ``{"missed": 12}``.
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
            connection_document(each, _chose(each) or self._algorithm(each), monotonic, wall)
            for each in records
            if namespace in ("", each.route.port_name.namespace) and name in ("", each.route.port_name.name)
        ]

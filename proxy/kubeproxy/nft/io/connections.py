"""The connections that the kernel has translated, read from conntrack: all now, or as they begin and end.

Nothing is read while nobody asks, so a connection of the kernel costs this process nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Protocol

from kubeproxy.nft import flows
from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.netlink import conntrack
from kubeproxy.nft.netlink.conntrack import DESTROY, NEW, UPDATE, End, Flow
from kubeproxy.nft.netlink.forms import V4, V6
from kubeproxy.rules import Rules
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.types import Destination, ServicePortName

_AT_ONCE = 256
"""Connections that are read before others get their turn."""


class Kernel(Protocol):
    """What the plane tells of the kernel's part."""

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        ...

    def serves(self, port_name: ServicePortName) -> bool:
        """Tell whether the kernel serves a Service port in the cluster's network."""
        ...

    def open_socket(self) -> NetfilterSocket:
        """Return a new socket to netfilter in the cluster's network; OSError."""
        ...


class KernelConnections:
    """Reads conntrack in the cluster's network; ``clock`` is that of the records."""

    def __init__(self, kernel: Kernel, clock: Callable[[], float]) -> None:
        self._kernel = kernel
        self._clock = clock

    def now(self) -> float:
        """Return the time of the records' clock."""
        return self._clock()

    async def records(self) -> list[ConnectionRecord]:
        """Return the connections that the kernel remembers; none while there is no network."""
        with contextlib.suppress(OSError):
            return [record async for flow in self._read() if (record := self.record(flow)) is not None]
        return []

    async def count_open(self) -> int:
        """Return how many TCP connections of clients are open."""
        with contextlib.suppress(OSError):
            return sum([flow.state == conntrack.ESTABLISHED and flow.is_translated async for flow in self._read()])
        return 0

    def record(self, flow: Flow) -> ConnectionRecord | None:
        """Return the record of a connection, None if it is not one to a Service."""
        if not flow.is_translated:
            return None
        return flows.record_of(self._kernel.rules, flow, self._clock(), time.time())

    def end_flows(self, destinations: Collection[Destination]) -> None:
        """Have the kernel forget the UDP flows to some destinations that must not go on as they are; OSError."""
        of_udp = {each for each in destinations if each.protocol == "UDP"}
        if not of_udp:
            return
        with contextlib.closing(self._kernel.open_socket()) as sock:
            for family in (V4, V6):
                found = [
                    flow
                    for each in sock.request(conntrack.dump(family, only_translated=False))
                    if (flow := conntrack.read_flow(each))
                ]
                for flow in flows.stale(self._kernel.rules, found, of_udp, self._kernel.serves):
                    with contextlib.suppress(FileNotFoundError):  # it has ended by itself
                        for _ in sock.request(conntrack.delete(family, flow)):
                            pass

    async def _read(self) -> AsyncIterator[Flow]:
        with contextlib.closing(self._kernel.open_socket()) as sock:
            for family in (V4, V6):
                for number, body in enumerate(sock.request(conntrack.dump(family, only_translated=True)), 1):
                    if (flow := conntrack.read_flow(body)) is not None:
                        yield flow
                    if not number % _AT_ONCE:
                        await asyncio.sleep(0)


Tell = Callable[[ConnectionRecord | None], None]
"""Takes a record that is new or has ended, None for events that were lost."""


class ConnectionEvents:
    """Tells of connections as they begin and end, until it is closed. OSError without a network."""

    def __init__(self, kernel: Kernel, connections: KernelConnections, tell: Tell) -> None:
        self._connections = connections
        self._tell = tell
        self._open: dict[tuple[str, End], ConnectionRecord] = {}
        self._sock, self._asking = kernel.open_socket(), kernel.open_socket()
        for group in (NEW, UPDATE, DESTROY):
            self._sock.join(group)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._sock.fileno(), self._read)

    def close(self) -> None:
        """Listen no longer."""
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._asking.close()

    def _read(self) -> None:
        try:
            for kind, body in self._sock.receive():
                flow = conntrack.read_flow(body)
                if flow is not None and flow.is_translated:
                    self._note(flow, is_end=conntrack.is_end(kind))
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            # More came than the socket holds; connections whose end was lost would be open for ever.
            self._open.clear()
            self._tell(None)

    def _note(self, flow: Flow, *, is_end: bool) -> None:
        record = self._open.get(flow.key)
        if record is None:
            record = self._connections.record(flow)
            if record is None or is_end:
                return
            self._open[flow.key] = record
            self._tell(record)
        now = self._connections.now()
        if flows.update_record(record, flow, now) or is_end:
            if not is_end:  # the kernel counts bytes, but tells them only at the very end
                flows.update_record(record, self._counted(flow), now)
            del self._open[flow.key]
            if record.ended_at is None:
                flows.end_record(record, flow, now)
            self._tell(record)

    def _counted(self, flow: Flow) -> Flow:
        """Return a connection as it is now, with its bytes."""
        family = V6 if ":" in flow.client.source else V4
        with contextlib.suppress(FileNotFoundError):
            for body in self._asking.request(conntrack.get(family, flow)):
                return conntrack.read_flow(body) or flow
        return flow

"""What is told of the traffic of both engines together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol

from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.nft.io.connections import ConnectionEvents, Kernel, KernelConnections
from kubeproxy.nft.io.pins import Pin, find_pin
from kubeproxy.nft.netlink.forms import Family
from kubeproxy.plane import Traffic
from kubeproxy.rules import Packet
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import CAPACITY, ConnectionRecord, Follower
from kubeproxy.tracing.choice import said_pin
from kubeproxy.tracing.trace import Trace
from kubeproxy.types import ServicePortName

IDLE_SECONDS = 0.1
"""Pause between two looks at what still lasts."""


class Engines(Kernel, Protocol):
    """What the plane tells of both engines."""

    @property
    def problem(self) -> str:
        """Why the kernel serves nothing, "" if it serves."""
        ...

    @property
    def families(self) -> Mapping[str, Family]:
        """By its name each family with its table."""
        ...

    def why_not(self, port_name: ServicePortName) -> str:
        """Return why the kernel does not serve a Service port, "" if it does."""
        ...


class NftTraffic:
    """Implements ``Traffic``; ``userspace`` is the other engine's."""

    def __init__(self, userspace: Traffic, dependencies: ProxyDependencies, engines: Engines) -> None:
        self._userspace = userspace
        self._engines = engines
        self.connections = KernelConnections(engines, dependencies.clock)
        self._followers: tuple[Follower, ...] = ()
        self._events: ConnectionEvents | None = None

    @property
    def counters(self) -> ProxyCounters | None:
        """What the userspace engine counts."""
        return self._userspace.counters

    async def wait_until_applied(self) -> None:
        """Return once all changes so far are obeyed; the kernel obeys at once."""
        await self._userspace.wait_until_applied()

    async def count(self) -> ProxyCounters:
        """Return what the userspace engine has counted: the kernel does not count by endpoint."""
        return await self._userspace.count()

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections of both engines, the oldest first."""
        both = [*await self._userspace.records(), *await self.connections.records()]
        both.sort(key=lambda record: record.began_at)
        return both[-CAPACITY:]

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Note connections that begin and end in ``follower``, until the function that is returned is called."""
        stop_userspace = self._userspace.follow(follower)
        self._followers = (*self._followers, follower)
        self.renew()

        def stop() -> None:
            stop_userspace()
            self._followers = tuple(each for each in self._followers if each is not follower)
            if not self._followers:
                self.close()

        return stop

    def renew(self) -> None:
        """Read the events of the network that there is now, if anybody follows."""
        self.close()
        if self._followers and not self._engines.problem:
            with contextlib.suppress(OSError):  # without a network no connections
                self._events = ConnectionEvents(self._engines, self.connections, self._tell)

    def close(self) -> None:
        """Read events no longer."""
        events, self._events = self._events, None
        if events is not None:
            events.close()

    async def trace(self, packet: Packet) -> Trace:
        """Return what would become of a packet now, step by step; raise PlaneError."""
        trace = await self._userspace.trace(packet)
        claim = trace.decision.claim
        if claim is None or not self._engines.rules.nodes.home(packet.source):
            return trace
        if claim.port_name.is_pod:
            return trace._replace(steps=(*trace.steps, "The userspace engine relays it."))
        if reason := self._engines.why_not(claim.port_name):
            return trace._replace(steps=(*trace.steps, f"The userspace engine takes it: {reason}."))
        trace = trace._replace(steps=(*trace.steps, "nftables in the network of the pods takes it."))
        pin = self._pin(trace) if self._engines.rules.ports[claim.port_name].service_port.affinity_seconds else None
        if pin is None:
            return trace
        return trace._replace(balancing=said_pin(packet.source, *pin), chosen=pin.address)

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Call ``to`` about once a second while new clients wait for file descriptors."""
        self._userspace.tell_shortage(to)

    def problems(self) -> list[str]:
        """Return what does not work and belongs to no Service, one sentence each."""
        return [*self._userspace.problems(), *filter(None, (self._engines.problem,))]

    async def wait_until_idle(self, seconds: float) -> None:
        """Return once no TCP connection of the kernel is open, or after ``seconds``."""
        for _ in range(round(seconds / IDLE_SECONDS)):
            if not await self.connections.count_open():
                return
            await asyncio.sleep(IDLE_SECONDS)

    def _pin(self, trace: Trace) -> Pin | None:
        with contextlib.suppress(OSError), contextlib.closing(self._engines.open_socket()) as sock:
            return find_pin(sock, self._engines.families, trace.decision)
        return None

    def _tell(self, record: ConnectionRecord | None) -> None:
        for each in self._followers:
            if record is None:
                each.miss(1)
            else:
                each.note(record)

"""The engine with nftables: the kernel carries what it can in the cluster's network, the userspace engine the rest.

The userspace engine is a whole one, and serves the host; in the cluster's network it opens no sockets for what the
kernel serves. Without sandboxes, without nf_tables, or when the kernel refuses, it serves everything, and that is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from kubehost.addresses import LOCALHOST
from kubehost.io.places import HostPlace, Place
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.nft.division import Divider, Division, cut_off, destinations_of
from kubeproxy.nft.io import netfilter
from kubeproxy.nft.io.ruleset import Refused, Ruleset, Stale, families_of
from kubeproxy.nft.io.traffic import NftTraffic
from kubeproxy.nft.skeleton import NodeTables
from kubeproxy.nft.tables import EMPTY, Part
from kubeproxy.plane import ListenerStatus, Report
from kubeproxy.proxier import Sync
from kubeproxy.rules import Listener, Rules
from kubeproxy.types import Destination, ServicePortName
from kubeproxy.userspace.plane import UserspacePlane

STALE_SECONDS = 1.0
"""How long unused chains are kept, as by kube-proxy."""


class NftPlane:
    """Implements ``Plane``. ValueError if the default balancer is unknown.

    ``report`` is told of addresses that cannot be bound, ``note_refusal`` of Service ports that the kernel refuses.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        config: ProxyConfig,
        dependencies: ProxyDependencies,
        report: Report,
        note_refusal: Report,
    ) -> None:
        self._loop = loop
        self._network = dependencies.network
        self._own = NodeTables(config.masquerades_all, config.service_cidrs) if config.node_name else None
        self.families = families_of(self._own)
        self._failures = dependencies.failures
        self._note_refusal = note_refusal
        self._userspace = UserspacePlane(loop, config, dependencies, report, self._is_served)
        self._divider = Divider(config.default_balancer, self._is_in_cluster)
        self._ruleset: Ruleset | None = None
        self._parts: dict[ServicePortName, Part] = {}
        """What the kernel serves."""
        self._reasons: dict[ServicePortName, str] = {}
        self._rules = Rules()
        self._timer: asyncio.TimerHandle | None = None
        self.problem = ""
        self.traffic = NftTraffic(self._userspace.traffic, dependencies, self)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._rules

    def serves(self, port_name: ServicePortName) -> bool:
        """Tell whether the kernel serves a Service port in the cluster's network."""
        return port_name in self._parts

    def why_not(self, port_name: ServicePortName) -> str:
        """Return why it does not."""
        return self.problem or self._reasons.get(port_name, "")

    def open_socket(self) -> netfilter.NetfilterSocket:
        """Return a new socket to netfilter in the network where the kernel carries traffic; OSError."""
        return netfilter.open_netfilter(self._network)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        async with self._userspace.serving():
            try:
                yield
            finally:
                self._close(stop=self._own is None)
                self.traffic.close()

    def apply(self, sync: Sync) -> None:
        """Have both engines obey a change, so that at each moment one of them serves each address."""
        old, self._rules = self._rules, sync.rules
        before = self._parts
        division = self._divide(old, sync)
        named = division.named() if division is not None else frozenset()
        served = named & before.keys()
        if division is not None:
            self._obey(lambda ruleset: self._take(division, ruleset.apply(division.parts)))
        self._userspace.apply(sync)
        # A large cluster is compared as a whole only where its tables were made anew.
        changed: Collection[ServicePortName] = named & self._parts.keys() ^ served
        if self._parts is not before:
            changed = self._parts.keys() ^ before.keys()
        self._userspace.review(destinations_of(sync.rules, changed))
        if division is not None:
            self._obey(lambda ruleset: ruleset.apply(dict.fromkeys(division.leaving, EMPTY)))
            self._end_flows(cut_off(old, sync, changed))
        self._schedule_removal()

    def renew(self) -> None:
        """Begin anew in the networks of the cluster and of its pods, as these are new ones now."""
        self.problem = ""
        self._begin_anew()
        self._userspace.renew()
        self._userspace.review(destinations_of(self._rules, self._rules.ports))
        self.traffic.renew()

    def counts(self, port_name: ServicePortName) -> bool:
        """Tell whether the userspace engine takes all connections of a Service port."""
        return not self.serves(port_name)

    def statuses(self) -> list[ListenerStatus]:
        """Return the state of every address that a Service port asks for."""
        return self._userspace.statuses()

    async def drain(self, seconds: float) -> None:
        """Take no new clients for good, give the connections ``seconds`` to end, and reset the rest.

        On a node the kernel goes on serving by its rules, as kube-proxy leaves them: its successor takes them over.
        """
        if self._own is not None:
            await self._userspace.drain(seconds)
            return
        self._close(stop=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._userspace.drain(seconds), name="drain of the userspace engine")
            group.create_task(self.traffic.wait_until_idle(seconds), name="drain of the kernel's connections")

    def _is_served(self, place: Place, listener: Listener) -> bool:
        """Tell whether the userspace engine has a socket for a listener in a place."""
        if isinstance(place, HostPlace) or listener.destination.address == LOCALHOST:
            return True
        return listener.port_name not in self._parts

    def _is_in_cluster(self, address: str) -> bool:
        """Tell whether packets reach an address in the cluster's network."""
        target, _ = self._network.dial(address, 0)
        return target == address and not isinstance(self._network.place("", target), HostPlace)

    def _divide(self, old: Rules, sync: Sync) -> Division | None:
        """Return what a change means for the kernel, all rules for new tables; None if there are none."""
        rules = sync.rules
        if self._ruleset is not None:
            if rules.nodes != old.nodes:
                self._obey(lambda ruleset: ruleset.use(rules.nodes))
        elif not self.problem:
            self._open(rules)
            sync = sync._replace(ports=tuple(rules.ports))
        return self._divider.divide(old, sync, self._parts) if self._ruleset is not None else None

    def _open(self, rules: Rules) -> None:
        try:
            self._ruleset = Ruleset(self.open_socket(), rules.nodes, self._own)
        except OSError as error:
            # Before there is a network, and after it was lost, there is nothing to serve either.
            self.problem = "" if error.errno == errno.ENETDOWN else _said(error)

    def _obey(self, do: Callable[[Ruleset], object]) -> None:
        """Have the tables changed. If the kernel fails, something else may have changed them: they are made anew."""
        if self._ruleset is None:
            return
        try:
            do(self._ruleset)
        except OSError:
            self._begin_anew()
            self._userspace.review(destinations_of(self._rules, self._rules.ports))

    def _begin_anew(self) -> None:
        """Have new tables with all rules; if that fails, everything is served in userspace."""
        self._close(stop=True)
        self._parts = {}
        rules = self._rules
        division = self._divide(rules, Sync(rules, (), (), (), 0, 0))
        if division is None or self._ruleset is None:
            return
        try:
            self._take(division, self._ruleset.apply(division.parts))
        except OSError as error:
            self._close(stop=True)
            self._parts.clear()
            self.problem = _said(error)

    def _end_flows(self, destinations: Collection[Destination]) -> None:
        if destinations and self._ruleset is not None:
            with self._failures.guard(NAME, "ending UDP flows to endpoints that are gone"):
                try:
                    self.traffic.connections.end_flows(destinations)
                except OSError as error:
                    if error.errno != errno.ENETDOWN:  # the flows have ended with their network
                        raise

    def _take(self, division: Division, refused: Refused) -> None:
        """Note what the kernel serves from now on."""
        before = {name: self._reasons.pop(name, "") for name in (*division.parts, *division.gone)}
        for name, part in division.parts.items():
            self._parts.pop(name, None)
            if part is not EMPTY and name not in refused and name not in division.leaving:
                self._parts[name] = part
        self._reasons |= division.reasons
        for name, error in refused.items():
            why = self._reasons[name] = f"the kernel refuses its rules: {error.strerror}"
            if why != before.get(name):
                self._note_refusal(name, f"Served by the userspace engine: {why}")

    def _close(self, *, stop: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ruleset, self._ruleset = self._ruleset, None
        if ruleset is not None:
            ruleset.close(stop=stop)

    def _schedule_removal(self) -> None:
        """Remove unused chains a little later."""
        if self._ruleset is not None and self._timer is None and (found := self._ruleset.stale()):
            self._timer = self._loop.call_later(STALE_SECONDS, self._remove, found)

    def _remove(self, found: Sequence[Stale]) -> None:
        self._timer = None
        self._obey(lambda ruleset: ruleset.remove_stale(found))
        self._schedule_removal()


def _said(error: OSError) -> str:
    return f"nftables does not serve, the userspace engine does: {error.strerror or error}"

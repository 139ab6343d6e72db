"""The listening sockets: bind and close; and, when binding fails, say why and try again.

Obeys ``proxier``'s list of changes and touches no other socket. A socket that cannot be bound affects one Service only:
its status and an event name the port and its owner, and binding is tried again with a growing pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kubeapi.failures import Subject, describe
from kubeapi.scheme import SERVICES
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.plane import ListenerStatus, Report
from kubeproxy.portowner import explain_bind_error, find_port_owners
from kubeproxy.proxier import Conflict, ListenerAction, ListenerChange
from kubeproxy.rules import Listener, Rules
from kubeproxy.types import Destination, ListenerKind, ServicePortName
from kubeproxy.userspace.carrier import Carrier
from kubeproxy.userspace.portgroup import PortGroup

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Pauses before a socket that could not be bound is tried again; the last one repeats."""


class _Failed(NamedTuple):
    listener: Listener
    error: str


class Listeners:
    """The sockets of one proxy, by destination, which ``carrier`` serves; at most ``config.listener_limit``."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        config: ProxyConfig,
        dependencies: ProxyDependencies,
        carrier: Carrier,
        report: Report,
    ) -> None:
        self._loop = loop
        self._owner_name = config.owner_name
        self._carrier = carrier
        self._network = dependencies.network
        self._report = report
        self._room = config.listener_limit
        self._failures = dependencies.failures
        self._bound: dict[Destination, PortGroup] = {}
        self._closing: dict[Destination, Listener | None] = {}
        """Destinations with old sockets that are not closed yet, with the listener that is to be opened then."""
        self._failed: dict[Destination, _Failed] = {}
        self._retries = 0
        self._timer: asyncio.TimerHandle | None = None

    def close(self, changes: Iterable[ListenerChange]) -> None:
        """Close the sockets that go. What waits to be accepted is still served, by the rules before the change."""
        for change in changes:
            if change.action is ListenerAction.CLOSE:
                with self._guard(change.listener):
                    self._close(change.listener.destination)

    def open(self, changes: Sequence[ListenerChange]) -> None:
        """Open the sockets that come, and apply changed settings to those that stay."""
        self._open_all([each.listener for each in changes if each.action is ListenerAction.OPEN])
        for change in changes:
            if change.action is ListenerAction.UPDATE:
                with self._guard(change.listener):
                    self._update(change.listener)

    def _guard(self, listener: Listener) -> contextlib.AbstractContextManager[None]:
        return self._failures.guard(f"{NAME} (sockets)", Subject(SERVICES, listener.port_name.service))

    def close_all(self) -> None:
        """Close every socket, and stop trying to bind the others."""
        for destination in (*self._bound, *self._failed):
            self._close(destination)
        if self._timer is not None:
            self._timer.cancel()

    def statuses(self, rules: Rules) -> Iterator[ListenerStatus]:
        """Yield the state of every address that a Service port asks for, also if another Service has it."""
        for rule in rules.ports.values():
            for destination, kind in rule.destinations:
                yield self._status(rules, destination, kind, rule.service_port.name)

    def _status(
        self, rules: Rules, destination: Destination, kind: ListenerKind, port_name: ServicePortName
    ) -> ListenerStatus:
        owner, failed = rules.claims[destination][0].port_name, self._failed.get(destination)
        error = failed.error if failed else ""
        if owner != port_name:
            error = str(Conflict(destination, owner, port_name))
        return ListenerStatus(
            address=destination.address,
            port=self._network.bind(destination.address, destination.port)[1],
            requested_port=destination.port,
            protocol=destination.protocol,
            kind=kind,
            port_name=port_name,
            is_bound=owner == port_name and destination in self._bound,
            error=error,
        )

    def _close(self, destination: Destination) -> None:
        self._failed.pop(destination, None)
        if destination in self._closing:
            self._closing[destination] = None
        group = self._bound.pop(destination, None)
        if group is not None:
            self._closing[destination] = None
            self._carrier.close(destination, lambda: self._closed(group))

    def _closed(self, group: PortGroup) -> None:
        group.close()
        self._room += len(group.sockets)
        waiting = self._closing.pop(group.listener.destination)
        if waiting is not None:
            self._open_all([waiting])

    def _update(self, listener: Listener) -> None:
        destination = listener.destination
        group, failed = self._bound.get(destination), self._failed.get(destination)
        if failed is not None:
            self._failed[destination] = failed._replace(listener=listener)
        if self._closing.get(destination) is not None:
            self._closing[destination] = listener
        if group is None:
            return
        if not group.can_update(listener):
            # The sockets are bound anew, with a black hole; a client that connects in this instant is refused.
            self._close(destination)
            self._open_all([listener])
            return
        group.update(listener)
        self._carrier.update(listener)

    def _open_all(self, wanted: list[Listener]) -> None:
        failures: list[tuple[Listener, OSError]] = []
        for listener in wanted:
            if listener.destination in self._closing:
                self._closing[listener.destination] = listener
                continue
            try:
                self._open(listener)
            except OSError as error:
                failures.append((listener, error))
            except Exception as failure:
                self._failures.note(f"{NAME} (sockets)", Subject(SERVICES, listener.port_name.service), failure)
                failures.append((listener, OSError(describe(failure))))
            else:
                self._failures.forget(f"{NAME} (sockets)", Subject(SERVICES, listener.port_name.service))
                self._failed.pop(listener.destination, None)
        if failures:
            self._note(failures)
            self._schedule_retry()

    def _open(self, listener: Listener) -> None:
        if self._room < self._carrier.width:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        group = PortGroup(listener, self._target(listener), self._carrier.width)
        try:
            self._carrier.listen(listener, group.sockets)
        except BaseException:
            group.close()
            raise
        self._room -= len(group.sockets)
        self._bound[listener.destination] = group

    def _note(self, failures: list[tuple[Listener, OSError]]) -> None:
        """Keep the failures for another attempt and report those that are new."""
        taken = {self._bound_at(each) for each, error in failures if error.errno == errno.EADDRINUSE}
        owners = find_port_owners(taken) if taken else {}
        for listener, error in failures:
            owner = owners.get(self._bound_at(listener))
            text = explain_bind_error(error, *self._target(listener), owner=self._owner_name(owner) if owner else "")
            before = self._failed.get(listener.destination)
            self._failed[listener.destination] = _Failed(listener, text)
            if before is None or before.error != text:
                self._report(listener.port_name, text)

    def _schedule_retry(self) -> None:
        """Try all that failed again together: looking for the owners of ports costs the same for one and for many."""
        if self._timer is None:
            pause = RETRY_SECONDS[min(self._retries, len(RETRY_SECONDS) - 1)]
            self._timer = self._loop.call_later(pause, self._retry)

    def _retry(self) -> None:
        self._timer = None
        self._retries += 1
        self._open_all([each.listener for each in self._failed.values()])
        if not self._failed:
            self._retries = 0

    def _bound_at(self, listener: Listener) -> Destination:
        return Destination(*self._target(listener), listener.destination.protocol)

    def _target(self, listener: Listener) -> tuple[str, int]:
        return self._network.bind(listener.destination.address, listener.destination.port)

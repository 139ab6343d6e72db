"""The listening sockets of one place: bind and close; and, when binding fails, say why and try again.

Obeys ``proxier``'s list of changes and touches no other socket. A socket that cannot be bound affects one Service only:
its status and an event name the port and its owner, and binding is tried again with a growing pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.failures import Failures, describe
from kubehost.io.places import HOST, Place
from kubeproxy import NAME
from kubeproxy.plane import Report
from kubeproxy.portowner import PortOwner, explain_bind_error, find_port_owners
from kubeproxy.proxier import ListenerAction, ListenerChange
from kubeproxy.rules import Listener
from kubeproxy.types import Destination, ListenerKind, subject_of
from kubeproxy.userspace.carrier import Carrier, Spot
from kubeproxy.userspace.portgroup import PortGroup

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Pauses before a socket that could not be bound is tried again; the last one repeats."""
POD_RETRY_SECONDS = 30.0
"""The last pause where only pods' own addresses wait: a server on all addresses of the host keeps those for long."""

_POD = ListenerKind.POD


Serves = Callable[[Place, Listener], bool]


class _Failed(NamedTuple):
    listener: Listener
    error: str


class Room:
    """How many listening sockets there may still be, in all places together."""

    def __init__(self, left: int) -> None:
        self.left = left


class ListenerDependencies(NamedTuple):
    """What the listeners of all places share. ``carrier`` serves the sockets; ``report`` is told of those not bound.

    ``serves`` tells whether a listener has a socket in a place: with an engine beside this one, some have none.
    """

    loop: asyncio.AbstractEventLoop
    carrier: Carrier
    failures: Failures
    report: Report
    room: Room
    owner_name: Callable[[PortOwner], str]
    serves: Serves


class Listeners:
    """The sockets of one proxy in ``place``, by destination."""

    def __init__(self, place: Place, dependencies: ListenerDependencies) -> None:
        self._place = place
        self._is_host = place.name == HOST.name
        self._shared = dependencies
        self._loop, self._carrier, self._failures, self._report, self._room = dependencies[:5]
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
        self.update(each.listener for each in changes if each.action is ListenerAction.UPDATE)

    def update(self, listeners: Iterable[Listener]) -> None:
        """Apply changed settings; one that is served here from now on is opened, one that is not any more is closed."""
        for listener in listeners:
            with self._guard(listener):
                self._update(listener)

    def renew(self) -> None:
        """Bind everything anew: the network of this place is another one now."""
        wanted = [*(each.listener for each in self._bound.values()), *(each.listener for each in self._failed.values())]
        for listener in wanted:
            with self._guard(listener):
                self._close(listener.destination)
        self._open_all(wanted)

    def _guard(self, listener: Listener) -> contextlib.AbstractContextManager[None]:
        return self._failures.guard(f"{NAME} (sockets)", subject_of(listener.port_name.service))

    def close_all(self) -> None:
        """Close every socket, and stop trying to bind the others."""
        for destination in (*self._bound, *self._failed):
            self._close(destination)
        if self._timer is not None:
            self._timer.cancel()

    def is_bound(self, destination: Destination) -> bool:
        """Tell whether there is a socket for a destination."""
        return destination in self._bound

    def error(self, destination: Destination) -> str:
        """Return why a destination is not bound, "" if it is, or if it need not be."""
        failed = self._failed.get(destination)
        return failed.error if failed else ""

    def _is_served(self, listener: Listener) -> bool:
        return self._shared.serves(self._place, listener)

    def _close(self, destination: Destination) -> None:
        self._failed.pop(destination, None)
        if destination in self._closing:
            self._closing[destination] = None
        group = self._bound.pop(destination, None)
        if group is not None:
            self._closing[destination] = None
            self._carrier.close(Spot(destination, self._place.name), lambda: self._closed(group))

    def _closed(self, group: PortGroup) -> None:
        group.close()
        self._room.left += len(group.sockets)
        waiting = self._closing.pop(group.listener.destination)
        if waiting is not None:
            self._open_all([waiting])

    def _update(self, listener: Listener) -> None:
        destination = listener.destination
        group, failed = self._bound.get(destination), self._failed.get(destination)
        if not self._is_served(listener):
            self._close(destination)
            return
        if failed is not None:
            self._failed[destination] = failed._replace(listener=listener)
        if self._closing.get(destination) is not None:
            self._closing[destination] = listener
        if group is None:
            if failed is None:
                self._open_all([listener])
            return
        if not group.can_update(listener):
            # The sockets are bound anew, with a black hole; a client that connects in this instant is refused.
            self._close(destination)
            self._open_all([listener])
            return
        group.update(listener)
        self._carrier.update(listener, self._place.name)

    def _open_all(self, wanted: list[Listener]) -> None:
        failures: list[tuple[Listener, OSError]] = []
        for listener in filter(self._is_served, wanted):
            if listener.destination in self._closing:
                self._closing[listener.destination] = listener
                continue
            try:
                self._open(listener)
            except OSError as error:
                failures.append((listener, error))
            except Exception as failure:
                self._failures.note(f"{NAME} (sockets)", subject_of(listener.port_name.service), failure)
                failures.append((listener, OSError(describe(failure))))
            else:
                self._failures.forget(f"{NAME} (sockets)", subject_of(listener.port_name.service))
                self._failed.pop(listener.destination, None)
        if failures:
            self._note(failures)
            if any(each.error for each in self._failed.values()):
                self._schedule_retry()

    def _open(self, listener: Listener) -> None:
        if self._room.left < self._carrier.width:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        group = PortGroup(listener, self._target(listener), self._carrier.width, self._place.socket)
        try:
            self._carrier.listen(listener, self._place.name, group.sockets)
        except BaseException:
            group.close()
            raise
        self._room.left -= len(group.sockets)
        self._bound[listener.destination] = group

    def _note(self, failures: list[tuple[Listener, OSError]]) -> None:
        """Keep the failures for another attempt and report those that are new."""
        taken = {self._bound_at(each) for each, error in failures if error.errno == errno.EADDRINUSE}
        # This process sees the sockets of the host's network only.
        owners = find_port_owners(taken) if taken and self._is_host else {}
        for listener, error in failures:
            text = self._explain(listener, error, owners.get(self._bound_at(listener)))
            before = self._failed.get(listener.destination)
            self._failed[listener.destination] = _Failed(listener, text)
            if text and (before is None or before.error != text):
                self._report(listener.port_name, text)

    def _explain(self, listener: Listener, error: OSError, owner: PortOwner | None) -> str:
        """Return why a listener is not bound; "" while there is no network to bind it in."""
        if error.errno == errno.ENETDOWN and not self._is_host:
            return ""
        name = self._shared.owner_name(owner) if owner else ""
        text = explain_bind_error(error, *self._target(listener), owner=name)
        if listener.kind is _POD:
            return f"{text}; this machine does not reach the pod there, pods and nodes do"
        return text if self._is_host else f"in the network of the pods {text}"

    def _schedule_retry(self) -> None:
        """Try all that failed again together: looking for the owners of ports costs the same for one and for many."""
        if self._timer is None:
            pause = RETRY_SECONDS[min(self._retries, len(RETRY_SECONDS) - 1)]
            if pause == RETRY_SECONDS[-1] and all(each.listener.kind is _POD for each in self._failed.values()):
                pause = POD_RETRY_SECONDS
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
        return self._place.bind(listener.destination.address, listener.destination.port)

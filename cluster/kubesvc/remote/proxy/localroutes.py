"""Makes addresses of Services local to this machine (``kubesvc proxy --setup``), and takes that back.

The routes are in the kernel's table of local addresses, with a maker's number of their own, by which the routes of a
run that was killed are found again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Collection, Iterable, Iterator

from kubehost.io.machine import local_routes_of
from kubehost.io.netlink import NetlinkError, NetlinkSocket
from kubehost.io.rtnetlink import LOCAL, LOOPBACK_INDEX, SCOPE_HOST, TABLE_LOCAL, Route
from kubesvc.remote.errors import CommandError

PROTOCOL = 0x6B
"""The maker of these routes: a number that linux/rtnetlink.h leaves to administrators; ``ip route`` prints 107."""
_LOCK = "\0kubesvc proxy --setup"
"""An abstract socket: there is one in each network namespace, and it ends with its process, however that ends."""

_NOWHERE = "192.0.2.0/32"
"""An address of documentation (RFC 5737), which is nobody's Service."""

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def local_routes(sources: Iterable[str]) -> Iterator[LocalRoutes]:
    """Have routes while the context lasts; ``sources`` are the node's addresses. CommandError.

    Routes of an earlier run that are not wanted any more go at the end, too.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as lock:
        try:
            lock.bind(_LOCK)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise CommandError(
                "--setup: another `kubesvc proxy --setup` runs in this network; stop it first"
            ) from error
        routes = LocalRoutes(sources)
        routes.check_permission()
        try:
            yield routes
        finally:
            routes.remove_all()


class LocalRoutes:
    """The routes of this machine that make addresses local; ``left_over`` are those that a killed run has left."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._sources = {":" in each: each for each in reversed(tuple(sources))}
        self.left_over = tuple(local_routes_of(PROTOCOL))
        self._there = set(self.left_over)

    def add(self, cidrs: Collection[str]) -> None:
        """Make ranges and addresses local; CommandError."""
        try:
            with NetlinkSocket() as sock:
                sock.request(self._route(each).added() for each in cidrs)
        except OSError as error:
            raise CommandError(f"--setup: {error.strerror or error}") from error
        self._there.update(map(_whole, cidrs))

    def check_permission(self) -> None:
        """Find out now whether the kernel lets routes be changed, as the first may come much later; CommandError."""
        try:
            with NetlinkSocket() as sock:
                sock.request([self._route(_NOWHERE).deleted()])
        except OSError as error:
            if error.errno == errno.EPERM:
                raise CommandError("--setup needs root: it adds routes; without it the commands are printed") from error
            if error.errno != errno.ESRCH:
                raise CommandError(f"--setup: {error.strerror or error}") from error

    def forget(self, cidrs: Collection[str]) -> None:
        """Make ranges and addresses local no longer."""
        gone = [each for each in map(_whole, cidrs) if each in self._there]
        self._there.difference_update(gone)
        if not gone:
            return
        with NetlinkSocket() as sock:
            for each in gone:
                with contextlib.suppress(NetlinkError):  # somebody else has removed it
                    # Without a source the route goes whichever it has: the node may have had another address then.
                    sock.request([self._route(each)._replace(source="").deleted()])

    def remove_all(self) -> None:
        """Remove everything."""
        try:
            self.forget(tuple(self._there))
        except OSError as error:
            _log.warning("the local routes cannot be removed: %s", error)

    def _route(self, cidr: str) -> Route:
        source = self._sources.get(":" in cidr, "")
        return Route(
            cidr, LOOPBACK_INDEX, source=source, table=TABLE_LOCAL, type=LOCAL, scope=SCOPE_HOST, protocol=PROTOCOL
        )


def _whole(cidr: str) -> str:
    """Return a range as the kernel tells it."""
    return cidr if "/" in cidr else f"{cidr}/{128 if ':' in cidr else 32}"

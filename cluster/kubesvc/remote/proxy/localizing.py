"""Has the addresses of Services be local before sockets are bound to them, or says which are not and how to mend it.

An address that the machine needs where it is stays what it is, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kubehost.io.machine import not_local
from kubeproxy.proxier import Sync
from kubeproxy.types import ListenerKind
from kubesvc.remote.proxy.localroutes import LocalRoutes
from kubesvc.remote.proxy.needed import Needed
from kubesvc.remote.proxy.serviceaddresses import Field, ServiceAddresses, command, covering, first_host
from kubesvc.wording import listed

_CLUSTER_IP = ListenerKind.CLUSTER_IP
Say = Callable[[str], None]


class Localizer:
    """Follows the rules by ``prepare``. ``source`` is the node's address by family.

    Without ``routes`` nothing is changed, and what is missing is said, once for each address.
    """

    def __init__(
        self,
        addresses: ServiceAddresses,
        routes: LocalRoutes | None,
        needed: Needed,
        source: Mapping[bool, str],
        say: Say,
    ) -> None:
        self._addresses = addresses
        self._routes = routes
        self._needed = needed
        self._source = source
        self._say = say
        self._said: set[str] = set()
        self._fields: dict[str, Field] = {}
        """Where the addresses are written that are not needed, by address."""

    def begin(self) -> None:
        """Have the ranges be local; CommandError, OSError."""
        missing = [each for each in self._addresses.ranges if not_local((first_host(each),))]
        if self._routes is None:
            for each in missing:
                self._say(f"{each} (the Service CIDR) is not local to this machine: {self._remedy(each)}")
            return
        if self._routes.left_over:
            self._say(f"found what a run that was killed has left local: {listed(self._routes.left_over)}")
        self._routes.add(missing)
        if missing:
            self._say(f"made local while this runs: {listed(missing)}")

    def prepare(self, sync: Sync) -> None:
        """Have the addresses of new Service ports be local; CommandError, OSError."""
        come, gone = self._addresses.update(sync)
        self._said -= gone
        for each in gone:
            self._fields.pop(each, None)
        self._leave_alone(come)
        self._fields.update(come)
        if self._routes is not None:
            missing = not_local(come)
            self._routes.add(missing)
            if missing and not self._said:
                self._say(f"made local while this runs: {listed(missing)}")
            self._said.update(come)
            self._routes.forget(gone)
            return
        for line in self._missing({each: come[each] for each in not_local(come) if each not in self._said}):
            self._say(line)
        self._said.update(come)

    def note_node(self, name: str, addresses: dict[str, str]) -> None:
        """Leave the addresses of another node alone from now on, which may have joined just now; OSError."""
        if self._needed.note_node(name, addresses):
            self._leave_alone({each: field for each, field in self._fields.items() if each in addresses})
            for each in addresses:
                self._fields.pop(each, None)

    def _leave_alone(self, come: dict[str, Field]) -> None:
        """Take out of ``come`` what the machine needs where it is."""
        why = {each: reason for each, field in come.items() if (reason := self._needed.why(each, field.kind))}
        if self._routes is not None:
            self._routes.forget(tuple(why))  # a run that was killed may have left it
        for each in not_local(why):
            self._say(f"{each} ({come[each]}) stays as it is, and the Service does not answer there: {why[each]}")
        for each in why:
            del come[each]

    def _missing(self, missing: Mapping[str, Field]) -> Iterator[str]:
        of_clusters = [each for each, field in missing.items() if field.kind is _CLUSTER_IP]
        for network in covering(of_clusters):
            yield f"cluster IPs ({listed(of_clusters, 2)}) are not local to this machine: {self._remedy(network)}"
        for each, field in missing.items():
            if field.kind is not _CLUSTER_IP:
                yield f"{each} ({field}) is not local to this machine: {self._remedy(each)}"

    def _remedy(self, cidr: str) -> str:
        return f"`{command(cidr, self._source.get(':' in cidr, ''))}`, or --setup as root"

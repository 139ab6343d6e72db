"""The kernel's table of NetworkPolicies in the pods' network: there while there are policies, changed in transactions.

What changes together goes in one transaction, unless it is larger than the socket takes: then in several, in an order
in which each finds what it names.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence

from kubehost.netlink import Message
from kubehost.network import Network
from kubeproxy.nft.io.netfilter import NetfilterSocket, open_netfilter
from kubeproxy.nft.netlink import messages as to
from kubeproxy.nft.netlink.forms import V4, V6
from kubeproxy.nft.policies.chains import TABLE
from kubeproxy.nft.policies.tables import PolicyTables, Wanted
from kubeproxy.nft.tables import Step, Tables
from kubeproxy.proxier import Sync
from kubeproxy.types import IPV4, IPV6

_FAMILIES = {IPV4: V4._replace(table=TABLE), IPV6: V6._replace(table=TABLE)}


class KernelPolicies:
    """``problem`` says why policies do not hold, "" if they do. ``servers`` are addresses of the cluster's servers."""

    def __init__(self, network: Network, servers: Sequence[str]) -> None:
        self.problem = ""
        self._network = network
        self._servers = servers
        self._sock: NetfilterSocket | None = None
        self._wanted = PolicyTables()
        self._tables: dict[str, Tables] = {}
        self._are_there = False
        """Whether the kernel may have tables."""

    def apply(self, sync: Sync) -> None:
        """Have the kernel obey the policies of now; one that fails is tried once more with new tables."""
        if not sync.rules.policies:
            self._remove()
            return
        try:
            self._follow(sync)
        except OSError:
            self._restart(sync)
        except Exception:
            self.forget()  # what was looked at is not what the kernel has
            raise

    def forget(self) -> None:
        """Close the socket; the next change begins with new tables."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def _follow(self, sync: Sync) -> None:
        if self._sock is None:
            self._open()
        self._send(self._wanted.change(sync))
        self.problem = ""

    def _restart(self, sync: Sync) -> None:
        self.forget()
        try:
            self._follow(sync)
        except OSError as error:
            self.forget()
            if error.errno == errno.ENETDOWN:  # before there is a network nothing can pass
                return
            self.problem = f"NetworkPolicies do not hold: the kernel refuses their rules ({error.strerror or error})"
            self._remove_tables()

    def _open(self) -> None:
        self._sock = open_netfilter(self._network)
        self._are_there = True
        self._wanted = PolicyTables(self._servers)
        self._tables = {}
        for name, family in _FAMILIES.items():
            refusals = self._sock.transact([to.new_table(family), to.delete_table(family), to.new_table(family)])
            if not refusals:
                self._tables[name] = Tables(family)
            elif name == IPV4:  # a kernel without IPv6 has no pods with it
                raise refusals[0].error

    def _send(self, wanted: Wanted) -> None:
        assert self._sock is not None
        for name, tables in self._tables.items():
            stale = tuple(tables.stale)
            messages = [*tables.remove_stale(stale)]
            steps = tables.plan(wanted[name])
            for each in _transactions(messages, steps, self._sock.capacity):
                for refusal in self._sock.transact(each):
                    raise refusal.error
            tables.accept(wanted[name])

    def _remove(self) -> None:
        """Have no tables: without policies no packet meets any."""
        self.problem = ""
        if self._are_there:
            self._remove_tables()
            self.forget()

    def _remove_tables(self) -> None:
        with contextlib.suppress(OSError):
            sock = self._sock or open_netfilter(self._network)
            try:
                for family in _FAMILIES.values():
                    sock.transact([to.new_table(family), to.delete_table(family)])
                self._are_there = False
            finally:
                if sock is not self._sock:
                    sock.close()


def _transactions(first: list[Message], steps: Sequence[Step], capacity: int) -> Iterator[list[Message]]:
    """Yield messages in their order, in as few groups as fit."""
    group, size = first, to.size_of(first)
    for message in (each for step in steps for each in step.messages):
        more = to.size_of((message,))
        if group and size + more > capacity:
            yield group
            group, size = [], 0
        group.append(message)
        size += more
    if group:
        yield group

"""The tables in the kernel: has them follow what is wanted, and says which parts the kernel refuses.

What changes together goes in one transaction, unless it is larger than the socket takes: then in several.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping, Sequence

from kubehost.netlink import Message
from kubeproxy.nft import skeleton
from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.netlink import messages as to
from kubeproxy.nft.netlink.forms import V4, V6, Family
from kubeproxy.nft.skeleton import OWN_TABLE, NodeTables
from kubeproxy.nft.tables import EMPTY, Entry, Owner, Part, Step, Tables
from kubeproxy.rules.nodes import Nodes
from kubeproxy.types import IPV4, IPV6, ServicePortName

Refused = dict[ServicePortName, OSError]
"""Service ports that the kernel does not serve, with its reason."""


Stale = tuple[Family, tuple[str | Entry, ...]]
"""Chains and entries of a family that are no longer used."""


class Ruleset:
    """The tables of both families, made new through ``sock``; OSError if the kernel has none for IPv4.

    ``own`` is for a node of a real cluster. Its tables have another name than kube-proxy's: that would take them for
    its own.
    """

    def __init__(self, sock: NetfilterSocket, nodes: Nodes, own: NodeTables | None = None) -> None:
        self._sock = sock
        self._own = own
        self.families = families_of(own)
        self._tables = {family: Tables(family, skeleton.LASTING) for family in self.families.values()}
        self.errors: dict[Family, OSError] = {}
        """Why a family has no table."""
        for name, family in self.families.items():
            try:
                self._make(family, skeleton.skeleton(nodes, name, own))
            except OSError as error:
                if name == IPV4:
                    raise
                self.errors[family] = error

    def use(self, nodes: Nodes) -> None:
        """Have the common part follow the nodes; OSError if the kernel refuses."""
        for name, family in self.families.items():
            if family not in self.errors:
                wanted: Mapping[Owner, Part] = {skeleton.OWNER: skeleton.skeleton(nodes, name, self._own)}
                for error in self._load(family, wanted).values():
                    raise error

    def apply(self, parts: Mapping[ServicePortName, Part]) -> Refused:
        """Have parts as given (EMPTY: gone), and return those that the kernel refuses: they are gone too."""
        refused: Refused = {}
        for of_family, family in self.families.items():
            wanted = {name: part for name, part in parts.items() if name.family == of_family}
            if family in self.errors:
                refused |= {name: self.errors[family] for name, part in wanted.items() if part is not EMPTY}
            elif wanted:
                refused |= self._load(family, wanted)  # type: ignore[arg-type]  # owners are what was given
        return refused

    def stale(self) -> list[Stale]:
        """Return the chains and entries that are no longer used, for ``remove_stale``."""
        return [(family, tuple(tables.stale)) for family, tables in self._tables.items() if tables.stale]

    def remove_stale(self, found: Sequence[Stale]) -> None:
        """Remove what was not used a second ago, if it is not used now; OSError."""
        for family, unused in found:
            messages = self._tables[family].remove_stale(unused)
            for refusal in self._sock.transact(messages) if messages else ():
                raise refusal.error

    def close(self, *, stop: bool) -> None:
        """Close the socket; with ``stop`` new connections meet no rules any more, as far as the kernel obeys still.

        The tables stay: without a chain of kind nat the kernel translates no packets of connections that exist either.
        """
        for family in self._tables if stop else ():
            if family not in self.errors:
                with contextlib.suppress(OSError):
                    self._sock.transact([to.flush_set(family, each) for each in skeleton.MAPS])
        self._sock.close()

    def _make(self, family: Family, common: Part) -> None:
        """Make a table in place of one that is left from before."""
        wanted: Mapping[Owner, Part] = {skeleton.OWNER: common}
        fresh = [to.new_table(family), to.delete_table(family), to.new_table(family)]
        tables = self._tables[family]
        made = [each for step in tables.plan(wanted) for each in step.messages]
        for refusal in self._sock.transact([*fresh, *made]):
            raise refusal.error
        tables.accept(wanted)

    def _load(self, family: Family, wanted: Mapping[Owner, Part]) -> dict[Owner, OSError]:
        """Have the kernel do what it does not refuse; what it refuses is taken away, too."""
        refused: dict[Owner, OSError] = {}
        known = self._tables[family].parts
        # What leaves something comes first: it may be what another one takes.
        pending = [{owner: part for owner, part in wanted.items() if owner in known}]
        new = {owner: part for owner, part in wanted.items() if owner not in known}
        pending += _split(new, -(-len(new) // _AT_ONCE)) if new else []
        while pending:
            group = pending.pop(0)
            steps = self._tables[family].plan(group)
            parts = self._transactions(steps)
            if parts > 1 and len(group) > 1:
                pending[:0] = _split(group, parts)
                continue
            failed = self._send(family, group, steps) if parts == 1 else dict.fromkeys(group, _too_long())
            for owner, error in failed.items():
                if owner in refused:
                    raise error
                refused[owner] = error
            if failed:
                left = {owner: EMPTY if owner in failed else part for owner, part in group.items()}
                pending.insert(
                    0, {owner: part for owner, part in left.items() if owner not in failed or owner in known}
                )
        return refused

    def _transactions(self, steps: Sequence[Step]) -> int:
        """Return in how many transactions messages fit, with some to spare, as their sizes differ."""
        size = sum(to.size_of(step.messages) for step in steps)
        return 1 if size <= self._sock.capacity else size // self._sock.capacity + 2

    def _send(self, family: Family, wanted: Mapping[Owner, Part], steps: Sequence[Step]) -> dict[Owner, OSError]:
        """Send one transaction and return whose messages the kernel refuses."""
        owners = [step.owner for step in steps for _ in step.messages]
        messages: list[Message] = [each for step in steps for each in step.messages]
        refused = {owners[each.message]: each.error for each in self._sock.transact(messages)} if messages else {}
        if not refused:
            self._tables[family].accept(wanted)
        return refused


_AT_ONCE = 1000
"""New Service ports that are looked at together: the messages of more would be made in vain, too many to send."""


def families_of(own: NodeTables | None) -> dict[str, Family]:
    """Return by its name each family with its table."""
    return {name: each if own is None else each._replace(table=OWN_TABLE) for name, each in ((IPV4, V4), (IPV6, V6))}


def remove_node_tables(sock: NetfilterSocket) -> list[str]:
    """Remove the tables of a node with all that is in them; return those that were there. OSError."""
    found: list[str] = []
    for family in families_of(NodeTables()).values():
        with contextlib.suppress(FileNotFoundError):
            if list(sock.request(to.get_table(family))):
                for refusal in sock.transact([to.delete_table(family)]):
                    raise refusal.error
                found.append(f"table {family.name} {family.table}")
    return found


def _too_long() -> OSError:
    return OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))


def _split(group: Mapping[Owner, Part], count: int) -> list[dict[Owner, Part]]:
    items = list(group.items())
    each = -(-len(items) // count)
    return [dict(items[start : start + each]) for start in range(0, len(items), each)]

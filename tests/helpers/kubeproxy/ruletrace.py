"""What the kernel would do with a packet by the rules of a table: a small nftables, for tests without a kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubeproxy.nft import statements as st
from kubeproxy.nft.matches import IsToElsewhere
from kubeproxy.nft.statements import Field
from kubeproxy.nft.tables import Chain, Entry, Part

MASQUERADED = "an address of the interface"


class Packet(NamedTuple):
    """The first packet of a connection; ``is_from_here``: its source is an address of the network itself."""

    source: str
    destination: str
    port: int
    protocol: str = "TCP"
    is_from_here: bool = False


class Way(NamedTuple):
    """What becomes of a packet: ``verdict`` is FORWARD, REJECT, DROP, or "" where no rule concerns it.

    ``endpoints`` are those that it may get, ``source`` is the one that they see.
    """

    verdict: str
    endpoints: frozenset[str] = frozenset()
    source: str = ""


class _Moving(NamedTuple):
    packet: Packet
    first_destination: str
    is_marked: bool = False
    is_translated: bool = False


class Table:
    """The parts of one table together; ``pinned`` are the affinity sets that have the client."""

    def __init__(self, parts: Iterable[Part], pinned: frozenset[str] = frozenset()) -> None:
        self._chains: dict[str, Chain] = {}
        self._entries: dict[tuple[str, tuple[str | int, ...]], Entry] = {}
        self._pinned = pinned
        for part in parts:
            assert not self._chains.keys() & part.chains.keys()
            self._chains |= part.chains
            for entry in part.entries:
                known = self._entries.setdefault((entry.set_name, entry.key), entry)
                assert known == entry, "two parts have different verdicts for one key"

    def way(self, packet: Packet) -> Way:
        """Return what becomes of a packet."""
        moving = _Moving(packet, packet.destination)
        if self._hook("output" if packet.is_from_here else "prerouting", "filter", -110, moving) == "DROP":
            return Way("DROP")
        ends = self._run("services", moving)
        if not ends:
            return Way(self._hook("output", "filter", 0, moving))
        if ends == {"DROP"}:
            return Way("DROP")
        after = {end for end in ends if isinstance(end, _Moving)}
        assert after == ends, ends
        sources = {self._source(each) for each in after}
        (source,) = sources if len(sources) == 1 else ("several",)
        return Way("FORWARD", frozenset(f"{each.packet.destination}:{each.packet.port}" for each in after), source)

    def _hook(self, hook: str, kind: str, priority: int, moving: _Moving) -> str:
        numbers = ("prerouting", "input", "forward", "output", "postrouting")
        for chain in self._chains.values():
            if chain.hook is not None and tuple(chain.hook) == (kind, numbers.index(hook), priority):
                for end in self._follow(chain, moving):
                    return str(end)
        return ""

    def _source(self, moving: _Moving) -> str:
        found = self._run("masquerading", moving)
        sources = {end.packet.source for end in found if isinstance(end, _Moving)} or {moving.packet.source}
        (source,) = sources
        return source

    def _run(self, name: str, moving: _Moving) -> set[_Moving | str]:
        return self._follow(self._chains[name], moving)

    def _follow(self, chain: Chain, moving: _Moving) -> set[_Moving | str]:
        """Return where the packet may end; nothing if it leaves the chain at its end."""
        for rule in chain.rules:
            ends, moving = self._rule(rule, moving)
            if ends:
                return ends
        return set()

    def _rule(self, rule: st.Rule, moving: _Moving) -> tuple[set[_Moving | str], _Moving]:
        """Return where the packet ends in a rule, nothing if it goes on, and how it goes on."""
        for each in rule:
            if isinstance(each, st.Mark):
                moving = moving._replace(is_marked=not each.off)
            elif isinstance(each, st.Pin) or self._matches(each, moving):
                continue
            else:
                return self._ends(each, moving), moving
        return set(), moving

    def _ends(self, each: st.Statement, moving: _Moving) -> set[_Moving | str]:
        """Return where a packet ends by a statement that is no condition; nothing if it goes on behind it."""
        match each:
            case st.Goto(chain) | st.Jump(chain):
                return self._run(chain, moving)
            case st.End() | st.Reject():
                return {"DROP" if each is st.End.DROP else "REJECT"}
            case st.ByKey(key, name):
                entry = self._entries.get((name, self._key(key, moving)))
                return self._ends(entry.verdict, moving) if entry is not None and entry.verdict is not None else set()
            case st.ToRandomChain(chains):
                return {end for chain in chains for end in self._run(chain, moving)}
        return set(self._translated(each, moving))

    def _translated(self, each: st.Statement, moving: _Moving) -> Iterator[_Moving]:
        if isinstance(each, st.Dnat):
            yield from (self._to(moving, *endpoint) for endpoint in each.endpoints)
        elif (to := self._snat(each, moving)) is not None:
            yield moving._replace(packet=moving.packet._replace(source=to))

    def _matches(self, each: st.Statement, moving: _Moving) -> bool:
        """Tell whether a statement is a condition that holds."""
        packet = moving.packet
        match each:
            case st.InSet(key, name):
                return name in self._pinned or (name, self._key(key, moving)) in self._entries
            case st.FromOneOf(cidrs, not_, field):
                return _is_in(packet.source if field is Field.SOURCE else packet.destination, cidrs) != not_
            case st.IsProtocol(protocol):
                return packet.protocol == protocol
        holds: dict[type, bool] = {
            st.IsTranslated: moving.is_translated,
            st.IsFromHere: packet.is_from_here,
            st.IsMarked: moving.is_marked,
            IsToElsewhere: True,  # no address of a Service is the node's own
        }
        return isinstance(each, st.IsNew) or holds.get(type(each), False)

    def _snat(self, each: st.Statement, moving: _Moving) -> str | None:
        match each:
            case st.Snat(address):
                return address
            case st.Masquerade():
                return MASQUERADED
            case st.SnatBySource(addresses):
                return next((to for cidr, to in addresses if _is_in(moving.packet.source, [cidr])), None)
            case st.SnatByFirstDestination(addresses):
                return dict(addresses).get(moving.first_destination)
        return None

    def _to(self, moving: _Moving, address: str, port: int) -> _Moving:
        return moving._replace(packet=moving.packet._replace(destination=address, port=port), is_translated=True)

    def _key(self, key: tuple[Field, ...], moving: _Moving) -> tuple[str | int, ...]:
        packet = moving.packet
        values: dict[Field, str | int] = {
            Field.SOURCE: packet.source,
            Field.DESTINATION: packet.destination,
            Field.PROTOCOL: packet.protocol,
            Field.PORT: packet.port,
        }
        return tuple(values[each] for each in key)


def _is_in(address: str, cidrs: Iterable[str]) -> bool:
    return any(ip_address(address) in ip_network(each, strict=False) for each in cidrs)

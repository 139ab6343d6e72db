"""What the rules of a table say, as values; ``str`` writes them as nft(8) does. Nouns only, pure.

A rule is a tuple of statements. They are met from left to right: one that does not match ends the rule, and the packet
goes on with the next rule of the chain.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import NamedTuple

from kubehost.addresses import join_host_port
from kubeproxy.nft.matches import Match

MASQUERADE = 0x4000
"""The mark of packets whose source becomes a gateway's address; kube-proxy's default (--iptables-masquerade-bit)."""


class Field(StrEnum):
    """A field of a packet, of which keys consist."""

    SOURCE = "ip saddr"
    DESTINATION = "ip daddr"
    PROTOCOL = "meta l4proto"
    PORT = "th dport"
    """The destination's port."""


TO = (Field.DESTINATION, Field.PROTOCOL, Field.PORT)
"""The key of maps by destination."""


class Goto(NamedTuple):
    """The packet goes on in another chain, and does not come back."""

    chain: str

    def __str__(self) -> str:
        return f"goto {self.chain}"


class Jump(NamedTuple):
    """The packet goes through another chain, and comes back."""

    chain: str

    def __str__(self) -> str:
        return f"jump {self.chain}"


class End(Enum):
    """The packet goes no further in the chain; ACCEPT: nor in those that have sent it there."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"

    def __str__(self) -> str:
        return str(self.value)


Verdict = Goto | Jump | End


class IsNew(NamedTuple):
    """Matches the first packet of a connection."""

    def __str__(self) -> str:
        return "ct state new"


class IsTranslated(NamedTuple):
    """Matches packets whose destination was translated."""

    def __str__(self) -> str:
        return "ct status dnat"


class IsFromHere(NamedTuple):
    """Matches packets from an address of the network itself."""

    def __str__(self) -> str:
        return "fib saddr type local"


class IsProtocol(NamedTuple):
    """Matches packets of a protocol: TCP, UDP or SCTP."""

    protocol: str

    def __str__(self) -> str:
        return f"meta l4proto {self.protocol.lower()}"


class InSet(NamedTuple):
    """Matches packets whose key is in a named set."""

    key: tuple[Field, ...]
    set_name: str

    def __str__(self) -> str:
        return f"{_key(self.key)} @{self.set_name}"


class FromOneOf(NamedTuple):
    """Matches packets from one of ``cidrs``, or with ``not_`` from none; they do not overlap. ``field`` may differ."""

    cidrs: tuple[str, ...]
    not_: bool = False
    field: Field = Field.SOURCE

    def __str__(self) -> str:
        listed = ", ".join(self.cidrs)
        return f"{self.field} {'!= ' if self.not_ else ''}{listed if len(self.cidrs) == 1 else f'{{ {listed} }}'}"


class ByKey(NamedTuple):
    """Gives packets the verdict that a named map has for their key; others go on."""

    key: tuple[Field, ...]
    map_name: str

    def __str__(self) -> str:
        return f"{_key(self.key)} vmap @{self.map_name}"


class Mark(NamedTuple):
    """Marks packets for a translation of their source, or takes the mark away."""

    off: bool = False

    def __str__(self) -> str:
        return f"meta mark set meta mark {f'& {~MASQUERADE & 0xFFFFFFFF:#x}' if self.off else f'| {MASQUERADE:#x}'}"


class Masquerade(NamedTuple):
    """Translates the source to an address of the interface by which the packet leaves."""

    def __str__(self) -> str:
        return "masquerade fully-random"


class IsMarked(NamedTuple):
    """Matches packets with the mark."""

    def __str__(self) -> str:
        return f"meta mark & {MASQUERADE:#x} != 0x0"


class Pin(NamedTuple):
    """Puts the source of packets into a named set, or renews it there, for some seconds."""

    set_name: str
    seconds: int

    def __str__(self) -> str:
        return f"update @{self.set_name} {{ ip saddr timeout {self.seconds}s }}"


class ToRandomChain(NamedTuple):
    """Sends packets to one of the chains, all with the same chance."""

    chains: tuple[str, ...]

    def __str__(self) -> str:
        verdicts = ", ".join(f"{number} : goto {each}" for number, each in enumerate(self.chains))
        return f"numgen random mod {len(self.chains)} vmap {{ {verdicts} }}"


class Dnat(NamedTuple):
    """Translates the destination to one of the endpoints (address, port), all with the same chance.

    Where it comes last, few endpoints have a rule each (``encoding.written``).
    """

    endpoints: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        if len(self.endpoints) == 1:
            return f"dnat to {join_host_port(*self.endpoints[0])}"
        listed = ", ".join(f"{number} : {ip} . {port}" for number, (ip, port) in enumerate(self.endpoints))
        return f"dnat ip addr . port to numgen random mod {len(self.endpoints)} map {{ {listed} }}"


class Snat(NamedTuple):
    """Translates the source to an address."""

    address: str

    def __str__(self) -> str:
        return f"snat to {self.address}"


class SnatBySource(NamedTuple):
    """Translates the source to the address for the CIDR that it is in; the CIDRs do not overlap, others go on."""

    addresses: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"snat to ip saddr map {{ {', '.join(f'{cidr} : {to}' for cidr, to in self.addresses)} }}"


class SnatByFirstDestination(NamedTuple):
    """Translates the source to the address for the destination that the client used; others go on."""

    addresses: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"snat to ct original ip daddr map {{ {', '.join(f'{at} : {to}' for at, to in self.addresses)} }}"


class Reject(NamedTuple):
    """Tells the client that the port is not reachable, by ICMP or by a reset of TCP: ECONNREFUSED."""

    by_reset: bool = False

    def __str__(self) -> str:
        return "reject with tcp reset" if self.by_reset else "reject"


Statement = (
    Verdict
    | IsNew
    | Match
    | IsTranslated
    | IsFromHere
    | IsProtocol
    | InSet
    | FromOneOf
    | ByKey
    | Mark
    | Masquerade
    | IsMarked
    | Pin
    | ToRandomChain
    | Dnat
    | Snat
    | SnatBySource
    | SnatByFirstDestination
    | Reject
)

Rule = tuple[Statement, ...]


def _key(fields: tuple[Field, ...]) -> str:
    return " . ".join(fields)

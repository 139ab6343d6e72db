"""Further conditions: connections that exist, ranges of ports, chance, addresses elsewhere. Nouns only, pure."""

from __future__ import annotations

from typing import NamedTuple


class IsKnown(NamedTuple):
    """Matches packets of a connection that exists, answers and errors that belong to it."""

    def __str__(self) -> str:
        return "ct state established,related"


class IsUnderWay(NamedTuple):
    """Matches packets of TCP that do not open a connection, whether the kernel knows it or not."""

    def __str__(self) -> str:
        return "tcp flags & (syn | ack) != syn"


class ToPorts(NamedTuple):
    """Matches packets to one of the ports from the first to the last."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"th dport {self.first}" if self.first == self.last else f"th dport {self.first}-{self.last}"


class ByChance(NamedTuple):
    """Matches one packet of so many, by chance."""

    among: int

    def __str__(self) -> str:
        return f"numgen random mod {self.among} 0"


class IsToElsewhere(NamedTuple):
    """Matches packets to an address that is not of the network itself."""

    def __str__(self) -> str:
        return "fib daddr type != local"


Match = IsKnown | IsUnderWay | ToPorts | ByChance | IsToElsewhere

"""The packets by which a process asks the agent for sockets of other networks, and gets them. Pure.

They go over a pair of SEQPACKET sockets, one packet a message. To the agent: a Wish for sockets, or a Wish of no
sockets with the descriptor of one more channel, for another process. From the agent: an Answer for each wish, in their
order and with the sockets as descriptors (unix(7), SCM_RIGHTS), and an Ending of each network that pods no longer have.
The agent loads this file, so it imports little.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MOST = 253
"""Descriptors of one packet (net/scm.h, SCM_MAX_FD); the kernel refuses more with EINVAL."""
PACKET_BYTES = 512
"""Longer than any packet: an address has 45 characters at most."""
CLUSTER = ""
"""The network that all nodes of the cluster share, where a pod's is named by its address."""

_WISH = struct.Struct("=IiiiH")
_ANSWER = struct.Struct("=Ii")
_ENDING = 0


class Wish(NamedTuple):
    """``number`` is from 1 on, and its answer's; ``wanted`` 0 asks for no sockets but brings a channel."""

    number: int
    network: str
    family: int = 0
    kind: int = 0
    protocol: int = 0
    wanted: int = 0

    def packet(self) -> bytes:
        """Return the packet of this wish."""
        return _WISH.pack(self.number, self.family, self.kind, self.protocol, self.wanted) + self.network.encode()


class Answer(NamedTuple):
    """The answer to a wish; ``error`` is the errno if there are no sockets: ENXIO without such a network."""

    number: int
    error: int

    def packet(self) -> bytes:
        """Return the packet of this answer."""
        return _ANSWER.pack(self.number, self.error)


class Ending(NamedTuple):
    """A network that has ended: sockets of it that nobody uses should be closed, as they keep it alive."""

    network: str

    def packet(self) -> bytes:
        """Return the packet of this ending."""
        return _ANSWER.pack(_ENDING, 0) + self.network.encode()


def read_wish(packet: bytes) -> Wish:
    """Return the wish in a packet; ValueError for anything else."""
    try:
        number, family, kind, protocol, wanted = _WISH.unpack_from(packet)
        network = packet[_WISH.size :].decode()
    except struct.error as error:
        raise ValueError(f"no wish for sockets: {error}") from None
    if not number or wanted > MOST:
        raise ValueError(f"no wish for sockets: number {number}, {wanted} sockets")
    return Wish(number, network, family, kind, protocol, wanted)


def read_reply(packet: bytes) -> Answer | Ending:
    """Return the answer or the ending in a packet; ValueError for anything else."""
    try:
        number, error = _ANSWER.unpack_from(packet)
    except struct.error as failure:
        raise ValueError(f"no answer of the agent: {failure}") from None
    return Answer(number, error) if number else Ending(packet[_ANSWER.size :].decode())

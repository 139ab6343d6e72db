"""Which sources a listening socket hears at all: DROP, as a packet filter of the kernel's.

kube-proxy drops packets where nothing usable is on the node, and those from outside loadBalancerSourceRanges. A socket
that listens would answer them; a classic BPF program makes the kernel throw them away before, so that the client sees
what it sees in a cluster: nothing, until it gives up. Pure; ``sockets`` attaches the program to datagram sockets
(socket(7), SO_ATTACH_FILTER; Documentation/networking/filter.rst), ``deaftwin`` to those of TCP.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP = 0x05  # BPF_JMP | BPF_JA
_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_LOAD_HALF = 0x28  # BPF_LD | BPF_H | BPF_ABS
_SHIFT_RIGHT = 0x74  # BPF_ALU | BPF_RSH | BPF_K
_MODULO = 0x94  # BPF_ALU | BPF_MOD | BPF_K
_ADD = 0x04  # BPF_ALU | BPF_ADD | BPF_K
_RETURN_RESULT = 0x16  # BPF_RET | BPF_A
_NETWORK_HEADER = -0x100000
"""SKF_NET_OFF (linux/filter.h): offsets from here on count from the IP header."""
_SOURCE_OFFSETS = {4: 12, 6: 8}
"""Of the source address in the IP header (RFC 791, RFC 8200)."""
_LAST_WORDS = {4: 12, 6: 20}
"""Of the source address' last 32 bits, in which clients differ."""
_PORT_OFFSETS = {4: 20, 6: 40}
"""Of the source port behind an IP header without options: loopback sends none."""
_ALL = 0xFFFFFFFF
MAX_INSTRUCTIONS = 4096
"""BPF_MAXINSNS: a longer program is refused by the kernel."""

_Instruction = tuple[int, int, int, int]
Instructions = tuple[_Instruction, ...]

HEARD: Instructions = ((_RETURN, 0, 0, _ALL),)
"""Keep the whole packet."""


def spread(first: int, width: int, version: int, *, by_client: bool) -> Instructions:
    """Return what sends a SYN to one of ``width`` sockets of a group, of which the first has the place ``first``.

    ``by_client`` sends all connections of one source address to the same one, else each goes by its source port; of
    these connect() takes every second one first (net/ipv4/inet_hashtables.c), so the last bit says nothing.
    """
    if width == 1:
        return ((_RETURN, 0, 0, first),)
    if by_client:
        key: Instructions = ((_LOAD_WORD, 0, 0, _NETWORK_HEADER + _LAST_WORDS[version] & _ALL),)
    else:
        port = _NETWORK_HEADER + _PORT_OFFSETS[version] & _ALL
        key = ((_LOAD_HALF, 0, 0, port), (_SHIFT_RIGHT, 0, 0, 1))
    return (*key, (_MODULO, 0, 0, width), (_ADD, 0, 0, first), (_RETURN_RESULT, 0, 0, 0))


class SourceFilter(NamedTuple):
    """Who is heard. ``ranges`` () admits all; ``homes`` are CIDRs of which the first that has the source decides."""

    ranges: tuple[str, ...]
    homes: tuple[tuple[str, bool], ...]
    is_outside_heard: bool

    @property
    def is_open(self) -> bool:
        """Whether everybody is heard."""
        return not self.ranges and self.is_outside_heard and all(is_heard for _, is_heard in self.homes)


def compile_filter(source_filter: SourceFilter, version: int, hear: Instructions = HEARD) -> bytes:
    """Return the BPF program (``struct sock_filter`` after the other) for an IP ``version``; longer than allowed: b"".

    It does ``hear`` for who is heard and returns 0 for who is not: the bytes of a packet to keep, or a socket's place
    in its group.

    Without a program the sources are told apart when they are accepted, and reset.
    """
    drop: Instructions = ((_RETURN, 0, 0, 0),)
    program = _ranges_part(source_filter.ranges, version, drop) if source_filter.ranges else []
    for cidr, is_heard in source_filter.homes:
        home = ip_network(cidr, strict=False)
        if home.version == version:
            program += _test(home, hear if is_heard else drop)
    program += hear if source_filter.is_outside_heard else drop
    if len(program) > MAX_INSTRUCTIONS:
        return b""
    return b"".join(struct.pack("=HBBI", *each) for each in program)


def _ranges_part(ranges: tuple[str, ...], version: int, drop: Instructions) -> list[_Instruction]:
    """Go on behind this part when a range has the source, else drop."""
    networks = [network for each in ranges if (network := ip_network(each, strict=False)).version == version]
    part = [*drop]
    for network in reversed(networks):
        part = [*_test(network, ((_JUMP, 0, 0, len(part)),)), *part]
    return part


def _test(network: IPv4Network | IPv6Network, then: Instructions) -> list[_Instruction]:
    """Do ``then`` if the source is in ``network``."""
    offset = (_NETWORK_HEADER + _SOURCE_OFFSETS[network.version]) & _ALL
    size = network.max_prefixlen // 32
    address, mask = (struct.unpack(f"!{size}I", each.packed) for each in (network.network_address, network.netmask))
    steps: list[_Instruction] = [*then]
    for word in reversed(range(size)):
        if mask[word]:
            compare = (_JUMP_IF_EQUAL, 0, len(steps), address[word])
            narrow: list[_Instruction] = [] if mask[word] == _ALL else [(_AND, 0, 0, mask[word])]
            steps = [(_LOAD_WORD, 0, 0, offset + 4 * word & _ALL), *narrow, compare, *steps]
    return steps

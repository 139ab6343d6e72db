"""The BPF programs of listening sockets: which sources the kernel drops, and which socket of a group gets a SYN.

kube-proxy drops packets when the node has no usable endpoint, and those from outside loadBalancerSourceRanges. A
listening socket would answer them. A classic BPF program drops them before, so that the client sees the same as in a
cluster: no answer. Pure; ``sockets`` attaches the program to datagram sockets (socket(7), SO_ATTACH_FILTER;
Documentation/networking/filter.rst), ``portgroup`` to groups of TCP sockets.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Network, IPv6Network, ip_network

from kubeproxy.rules import SourceFilter

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
"""Of the last 32 bits of the source address, in which clients differ."""
_PORT_OFFSETS = {4: 20, 6: 40}
"""Of the source port after an IP header without options, which is all that loopback sends."""
_ALL = 0xFFFFFFFF
MAX_INSTRUCTIONS = 4096
"""BPF_MAXINSNS: a longer program is refused by the kernel."""

_Instruction = tuple[int, int, int, int]
Instructions = tuple[_Instruction, ...]

ACCEPT: Instructions = ((_RETURN, 0, 0, _ALL),)
"""Keep the whole packet."""


def spread(first: int, width: int, version: int, *, by_client: bool) -> Instructions:
    """Return instructions that choose one of ``width`` sockets of a group for a SYN; ``first`` is the lowest index.

    ``by_client`` sends all connections of one source address to the same socket; otherwise the source port decides.
    connect() prefers ports of one parity (net/ipv4/inet_hashtables.c), so the last bit of the port is ignored.
    """
    if width == 1:
        return ((_RETURN, 0, 0, first),)
    if by_client:
        key: Instructions = ((_LOAD_WORD, 0, 0, _NETWORK_HEADER + _LAST_WORDS[version] & _ALL),)
    else:
        port = _NETWORK_HEADER + _PORT_OFFSETS[version] & _ALL
        key = ((_LOAD_HALF, 0, 0, port), (_SHIFT_RIGHT, 0, 0, 1))
    return (*key, (_MODULO, 0, 0, width), (_ADD, 0, 0, first), (_RETURN_RESULT, 0, 0, 0))


def compile_filter(source_filter: SourceFilter, version: int, accept: Instructions = ACCEPT) -> bytes:
    """Return the BPF program (an array of ``struct sock_filter``) for an IP ``version``; b"" when it is too long.

    It runs ``accept`` for accepted sources and returns 0 for others. The result is the number of bytes of a packet to
    keep, or the index of a socket in its group.

    Without a program other sources are reset after accept().
    """
    drop: Instructions = ((_RETURN, 0, 0, 0),)
    program = _ranges_part(source_filter.ranges, version, drop) if source_filter.ranges else []
    for cidr, is_accepted in source_filter.homes:
        home = ip_network(cidr, strict=False)
        if home.version == version:
            program += _test(home, accept if is_accepted else drop)
    program += accept if source_filter.is_outside_accepted else drop
    if len(program) > MAX_INSTRUCTIONS:
        return b""
    return b"".join(struct.pack("=HBBI", *each) for each in program)


def _ranges_part(ranges: tuple[str, ...], version: int, drop: Instructions) -> list[_Instruction]:
    """Return instructions that continue after this part when a range contains the source, and drop otherwise."""
    networks = [network for each in ranges if (network := ip_network(each, strict=False)).version == version]
    part = [*drop]
    for network in reversed(networks):
        part = [*_test(network, ((_JUMP, 0, 0, len(part)),)), *part]
    return part


def _test(network: IPv4Network | IPv6Network, then: Instructions) -> list[_Instruction]:
    """Return instructions that run ``then`` if the source is in ``network``."""
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

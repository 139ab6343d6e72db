"""Packets that only somebody who means ill would send, and the plain one that they are made from."""

from __future__ import annotations

import struct

QUESTION = b"\x04cart\x04shop\x03svc\x07cluster\x05local\0" + b"\0\1\0\1"
"""cart.shop.svc.cluster.local, A, IN."""

_HEADER = 12


def packet(*sections: bytes, questions: int = 1, answers: int = 0, authorities: int = 0, additionals: int = 0) -> bytes:
    """A query with these sections behind a header that claims these counts."""
    return struct.pack(">6H", 0x1234, 0x0100, questions, answers, authorities, additionals) + b"".join(sections)


def record(name: bytes, rdata: bytes, rtype: int = 999, length: int | None = None) -> bytes:
    """A record; ``length`` is a lie about the rdata."""
    return name + struct.pack(">HHIH", rtype, 1, 0, len(rdata) if length is None else length) + rdata


def pointer(offset: int) -> bytes:
    """A compression pointer."""
    return (0xC000 | offset).to_bytes(2, "big")


def pointer_chain(links: int) -> bytes:
    """A query with a record whose name is a pointer to a pointer to a pointer, each to the one before."""
    at = _HEADER + len(QUESTION) + len(record(b"\0", b""))
    chain = b"\1x\0"
    before = at
    for _ in range(links):
        here = at + len(chain)
        chain += pointer(before)
        before = here
    return packet(QUESTION, record(b"\0", chain), record(pointer(before), b"\1\2\3\4", 1), answers=1, additionals=1)


HOSTILE = {
    "a name that points to itself": packet(pointer(12), b"\0\1\0\1"),
    "two names that point to each other": packet(pointer(14), pointer(12), b"\0\1\0\1"),
    "a name that points behind the packet": packet(pointer(4000), b"\0\1\0\1"),
    "a name that points into the header": packet(pointer(4), b"\0\1\0\1"),
    "a cut pointer": packet(b"\xc0"),
    "a label of a reserved kind": packet(b"\x40abc\0", b"\0\1\0\1"),
    "a cut label": packet(b"\x3fabc"),
    "a name without end": packet(b"\1a" * 2000),
    "two thousand pointers in a row": pointer_chain(2000),
    "65535 questions": packet(QUESTION, questions=65535),
    "65535 answers": packet(QUESTION, answers=65535),
    "65535 records of each kind": packet(QUESTION, answers=65535, authorities=65535, additionals=65535),
    "an answer that is not there": packet(QUESTION, answers=1),
    "an option that is not there": packet(QUESTION, additionals=1),
    "rdata that is longer than the packet": packet(QUESTION, record(b"\0", b"", 41, 65535), additionals=1),
    "an address of three bytes": packet(QUESTION, record(b"\0", b"abc", 1), additionals=1),
    "two options": packet(QUESTION, record(b"\0", b"", 41), record(b"\0", b"", 41), additionals=2),
    "an option that is cut inside": packet(QUESTION, record(b"\0", b"\0\x0a\0\xff12", 41), additionals=1),
    "a start of authority without names": packet(QUESTION, record(b"\0", b"", 6), authorities=1),
}
"""By what is wrong; each has a header, and each is below the size of a datagram that is read."""

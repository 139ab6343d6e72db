"""The common packets by hand: read a query as resolvers send it, write every response. Pure.

``read_query`` reads one question without compression and at most a lone OPT record; it answers None for anything
else, which ``message`` then reads with care. Which header is refused how follows miekg/dns ``acceptfunc.go``, sizes
and truncation ``msg_truncate.go``; RFC 1035, 2782 and 6891 for the format.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import permutations, product
from math import factorial

from kubedns.names import MAX_LABEL, MAX_NAME
from kubedns.types import Answer, Edns, Labels, Malformed, QType, Query, RCode, Record

HEADER = 12
MIN_UDP = 512
MAX_UDP = 65507
MAX_TCP = 65535

QR = 0x8000
AA = 0x0400
TC = 0x0200
OPCODE = 0x7800
ECHOED = 0x7910
"""Opcode, RD and CD: what a response repeats of its query."""

_OPCODE_QUERY, _OPCODE_NOTIFY = 0x0000, 0x2000
_COUNTS_PLAIN = (1, 0, 0)
_DNSSEC_OK = 0x8000
_POINTER = 0xC000
_MAX_POINTER = 0x3FFF
_QUESTION_NAME = b"\xc0\x0c"
_LEADING_NAMES = {QType.CNAME: 1, QType.NS: 1, QType.PTR: 1, QType.SOA: 2}
"""How many names the rdata begins with that may be compressed (RFC 1035 types only, RFC 3597)."""

_MAX_VARIANTS = 6
"""Up to so many orders (three addresses) a response is kept in ready; one with more is put together when sent."""

_ADDRESSES = (QType.A, QType.AAAA)
_header = struct.Struct(">6H")
_record = struct.Struct(">HHIH")
_words = struct.Struct(">HH")
_opt = struct.Struct(">xHHBBHH")


def read_header(packet: bytes) -> Malformed | None:
    """Return the refusal that the header alone deserves; None if the query may be read."""
    ident, flags, questions, answers, authorities, additionals = _header.unpack_from(packet)
    if flags & OPCODE not in (_OPCODE_QUERY, _OPCODE_NOTIFY):
        return Malformed(ident, flags, RCode.NOTIMP)
    if questions != 1 or answers > 1 or authorities > 1 or additionals > 2:
        return Malformed(ident, flags, RCode.FORMERR)
    return None


def is_query(packet: bytes) -> bool:
    """Tell whether the packet deserves a reply: it has a header, and it is not a response itself."""
    return len(packet) >= HEADER and packet[2] < 0x80


def read_query(packet: bytes) -> Query | None:
    """Read a query of the common form; None for any other. The packet has passed ``read_header``."""
    ident, flags, questions, answers, authorities, additionals = _header.unpack_from(packet)
    labels = _read_labels(packet)
    if (questions, answers, authorities) != _COUNTS_PLAIN or labels is None:
        return None
    end = HEADER + sum(map(len, labels)) + len(labels) + 5
    if end > len(packet):
        return None
    edns, last = None, end
    if additionals:
        last = end + 11
        if additionals > 1 or len(packet) < last or packet[end : end + 3] != b"\0\0\x29":
            return None
        _, size, _, version, more, length = _opt.unpack_from(packet, end)
        if len(packet) < last + length:
            return None
        edns = Edns(size, version, bool(more & _DNSSEC_OK))
    qtype, qclass = _words.unpack_from(packet, end - 4)
    return Query(ident, flags, packet[HEADER : end - 4], labels, qtype, qclass, edns, len(packet) == last)


def _read_labels(packet: bytes) -> Labels | None:
    """Return the labels of the question's name; None if it has a pointer, is too long or cut off."""
    lowered, at, labels = packet[HEADER : HEADER + MAX_NAME].lower(), 0, []
    try:
        while length := lowered[at]:
            if length > MAX_LABEL:
                return None
            labels.append(lowered[at + 1 : at + 1 + length])
            at += length + 1
    except IndexError:
        return None
    return tuple(labels)


def write_malformed(malformed: Malformed) -> bytes:
    """Return the response to a query of which only the header could be read: a header."""
    return _header.pack(malformed.id, QR | malformed.flags & ECHOED | malformed.rcode, 0, 0, 0, 0)


def write_query(ident: int, name: bytes, qtype: int, size: int) -> bytes:
    """Return a query of our own, recursion desired, for up to ``size`` bytes over UDP."""
    return (
        _header.pack(ident, 0x0100, 1, 0, 0, 1) + name + _words.pack(qtype, 1) + _opt.pack(QType.OPT, size, 0, 0, 0, 0)
    )


def udp_limit(query: Query) -> int:
    """Return how many bytes a response may have over UDP."""
    return MIN_UDP if query.edns is None else min(max(query.edns.size, MIN_UDP), MAX_UDP)


class Shuffle:
    """Records of a section in wire form that may come in any order; ``take`` of them fit the response."""

    __slots__ = ("chunks", "take")

    def __init__(self, chunks: Sequence[bytes], room: int) -> None:
        self.chunks = chunks
        self.take = len(chunks)
        if sum(map(len, chunks)) > room:
            self.take = max(0, room // max(map(len, chunks)))

    @property
    def is_whole(self) -> bool:
        """Whether all of them fit."""
        return self.take == len(self.chunks)

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(map(len, self.chunks))

    def order(self, random: Callable[[], float]) -> bytes:
        """Return as many as fit, in uniformly random order (Fisher and Yates)."""
        if len(self.chunks) <= 1:
            return b"".join(self.chunks[: self.take])
        order = list(self.chunks)
        for last in range(len(order) - 1, 0, -1):
            other = int(random() * (last + 1))
            order[last], order[other] = order[other], order[last]
        return b"".join(order[: self.take])

    def orders(self) -> list[bytes]:
        """Return every order that there is."""
        return [b"".join(each[: self.take]) for each in permutations(self.chunks)]


_NOTHING = Shuffle((), 0)


class Response:
    """A response without its id, in pieces: addresses are shuffled anew whenever it is sent.

    What comes last does not show when there is no room, so the cut is made after the shuffle.
    """

    __slots__ = ("answers", "extras", "head", "middle", "tail")

    def __init__(self, head: bytes, answers: Shuffle, middle: bytes, extras: Shuffle, tail: bytes) -> None:
        self.head, self.answers, self.middle, self.extras, self.tail = head, answers, middle, extras, tail

    def render(self, random: Callable[[], float]) -> bytes:
        """Return the response, from its third byte on, with its addresses in random order."""
        return b"".join((self.head, self.answers.order(random), self.middle, self.extras.order(random), self.tail))

    def variants(self) -> tuple[bytes, ...]:
        """Return all forms of the response if they are few, each as likely as the other; () if they are many."""
        answers, extras = len(self.answers.chunks), len(self.extras.chunks)
        if answers <= 1 and extras <= 1:
            return (self.render(float),)
        if max(answers, extras) > _MAX_VARIANTS or factorial(answers) * factorial(extras) > _MAX_VARIANTS:
            return ()
        return tuple(
            b"".join((self.head, front, self.middle, back, self.tail))
            for front, back in product(self.answers.orders(), self.extras.orders())
        )


class _Writer:
    """Writes records behind the question, compressing names, up to ``room`` bytes (header included)."""

    def __init__(self, query: Query, room: int) -> None:
        self.out = bytearray(query.name + _words.pack(query.type, query.qclass))
        self.offset = HEADER
        self.room = room
        self.is_truncated = False
        self._question = query.name
        self._names: dict[bytes, int] = {}
        self._has_question = False

    @property
    def left(self) -> int:
        """Bytes that are still free; none once something had to be left out."""
        return 0 if self.is_truncated else self.room - self.offset - len(self.out)

    def take(self) -> bytes:
        """Return what has been written since the last time."""
        taken = bytes(self.out)
        self.offset += len(taken)
        self.out = bytearray()
        return taken

    def records(self, records: Sequence[Record]) -> int:
        """Write records in their order; return how many fitted."""
        for count, record in enumerate(records):
            before = len(self.out)
            if self.left > 0:
                self._record(record)
            if self.left < 0 or len(self.out) == before:
                del self.out[before:]
                self.is_truncated = True
                return count
        return len(records)

    def shuffle(self, records: Sequence[Record]) -> Shuffle:
        """Return records as pieces that may come in any order: nothing ever points into them."""
        if not records:
            return _NOTHING
        chunks = []
        for name, rtype, ttl, rdata in records:
            chunks.append(self._compressed(name) + _record.pack(rtype, 1, ttl, len(rdata)) + rdata)
        found = Shuffle(chunks, self.left)
        self.is_truncated |= not found.is_whole
        self.offset += found.size
        return found

    def _record(self, record: Record) -> None:
        name, rtype, ttl, rdata = record
        self._name(name)
        start = len(self.out) + 10
        self.out += _record.pack(rtype, 1, ttl, 0)
        for _ in range(_LEADING_NAMES.get(rtype, 0)):  # type: ignore[call-overload]  # an IntEnum's key is an int
            end = _name_end(rdata)
            self._name(rdata[:end])
            rdata = rdata[end:]
        if rtype == QType.SRV:
            self._note(rdata[6:], self.offset + len(self.out) + 6)
        self.out += rdata
        self.out[start - 2 : start] = (len(self.out) - start).to_bytes(2, "big")

    def _name(self, name: bytes) -> None:
        written = self._compressed(name)
        if written != _QUESTION_NAME:
            self._note(name, self.offset + len(self.out))
        self.out += written

    def _compressed(self, name: bytes) -> bytes:
        if name == self._question:
            return _QUESTION_NAME
        if not self._has_question:
            self._has_question = True
            self._note(self._question, HEADER)
        at = 0
        while length := name[at]:
            pointer = self._names.get(name[at:])
            if pointer is not None:
                return name[:at] + pointer.to_bytes(2, "big")
            at += length + 1
        return name

    def _note(self, name: bytes, offset: int) -> None:
        """Remember where a name and its ends begin, as far as a pointer reaches."""
        at = 0
        while (length := name[at]) and name[at:] not in self._names:
            if offset + at <= _MAX_POINTER:
                self._names[name[at:]] = _POINTER | offset + at
            at += length + 1


def _name_end(wire: bytes) -> int:
    at = 0
    while length := wire[at]:
        at += length + 1
    return at + 1


def write_in_order(query: Query, records: Sequence[Record]) -> bytes:
    """Return a message of a transfer: authoritative, with all the records as they are; they must fit MAX_TCP."""
    writer = _Writer(query, MAX_TCP)
    count = writer.records(records)
    return _header.pack(query.id, QR | AA | query.flags & ECHOED, 1, count, 0, 0) + writer.take()


def write_response(query: Query, answer: Answer, limit: int) -> Response:
    """Return the response to ``query`` in at most ``limit`` bytes: what does not fit is left out and TC set.

    Order is that of CoreDNS ``plugin/loadbalance``: aliases in chain order, other records, then addresses.
    """
    rcode, tail = int(answer.rcode), b""
    if query.edns is not None:
        tail = _opt.pack(QType.OPT, query.edns.size, rcode >> 4, 0, _DNSSEC_OK * query.edns.is_dnssec_ok, 0)
    writer = _Writer(query, limit - len(tail))
    addresses = [each for each in answer.answers if each.type in _ADDRESSES]
    count = writer.records([each for each in answer.answers if each.type not in _ADDRESSES])
    head = writer.take()
    answers = writer.shuffle(addresses)
    authorities = writer.records(answer.authority)
    middle = writer.take()
    extras = writer.shuffle(answer.additional)
    flags = QR | query.flags & ECHOED | rcode & 15
    flags |= AA * answer.is_authoritative | TC * (writer.is_truncated or answer.is_truncated)
    counts = 1, count + answers.take, authorities, extras.take + bool(tail)
    return Response(_header.pack(0, flags, *counts)[2:] + head, answers, middle, extras, tail)

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
from kubedns.types import Answer, Edns, Malformed, QType, Query, RCode, Record

HEADER = 12
MIN_UDP = 512
MAX_UDP = 65507
MAX_TCP = 65535

QR = 0x8000
AA = 0x0400
TC = 0x0200
OPCODE = 0x7800
ECHOED = 0x7910
"""Opcode, RD and CD: what a response repeats of its query, if that is a QUERY; of another the opcode alone."""

_OPCODES = (0x0000, 0x2000)
"""QUERY and NOTIFY."""

_OPT_BEGIN = b"\0\0\x29"
"""The root's name and the type OPT."""

_DNSSEC_OK = 0x8000
_MAX_HEADER_RCODE = 15
"""What is more goes into the OPT record."""
_POINTER = 0xC000
_OUT_OF_REACH = 0x4000
"""The first offset to which no pointer can lead."""

_QUESTION_NAME = b"\xc0\x0c"
_ALIASES = frozenset((QType.CNAME, QType.NS, QType.PTR))
"""The types whose rdata is a name that may be compressed; so may those of SOA (RFC 1035, RFC 3597)."""

_SOA_NUMBERS = 20
"""Bytes of the numbers at the end of an SOA record, the serial first."""

_MAX_VARIANTS = 6
"""Up to so many orders (three addresses) a response is kept in ready; one with more is put together when sent."""

_ADDRESSES = frozenset((QType.A, QType.AAAA))
_header = struct.Struct(">6H")
_header_behind_id = struct.Struct(">5H")
_record = struct.Struct(">HHIH")
_words = struct.Struct(">HH")
_opt = struct.Struct(">xHHBBHH")


def read_header(packet: bytes) -> Malformed | None:
    """Return the refusal that the header alone deserves; None if the query may be read."""
    ident, flags, questions, answers, authorities, additionals = _header.unpack_from(packet)
    if flags & OPCODE not in _OPCODES:
        return Malformed(ident, flags, RCode.NOTIMP)
    if questions != 1 or answers > 1 or authorities > 1 or additionals > 2:
        return Malformed(ident, flags, RCode.FORMERR)
    return None


def is_query(packet: bytes) -> bool:
    """Tell whether the packet deserves a reply: it has a header, and it is not a response itself."""
    return len(packet) >= HEADER and packet[2] < 0x80


def read_query(packet: bytes) -> Query | None:  # noqa: PLR0911 - one for each way to be uncommon
    """Read a query of the common form, for which ``is_query`` holds; None for any other, and for what is refused."""
    ident, flags, questions, answers, authorities, additionals = _header.unpack_from(packet)
    if questions != 1 or answers or authorities or additionals > 1 or flags & OPCODE not in _OPCODES:
        return None
    lowered, at, labels = packet.lower(), HEADER, []
    try:
        while length := lowered[at]:
            if length > MAX_LABEL:
                return None
            start = at + 1
            at = start + length
            labels.append(lowered[start:at])
    except IndexError:
        return None
    last, end, options = at + 1, at + 5, at + 16
    edns, size = None, len(packet)
    if last > HEADER + MAX_NAME or end > size:
        return None
    if additionals:
        if options > size or packet[end : end + 3] != _OPT_BEGIN:
            return None
        _, room, _, version, more, length = _opt.unpack_from(packet, end)
        if options + length > size:
            return None
        edns, end = Edns(room, version, bool(more & _DNSSEC_OK)), options
    qtype, qclass = _words.unpack_from(packet, last)
    return Query(ident, flags, packet[HEADER:last], tuple(labels), qtype, qclass, edns, end == size)


def write_opt(edns: Edns, rcode: int) -> bytes:
    """Return the OPT record of a response to a query that had ``edns``; who speaks another version is told no size."""
    if rcode > _MAX_HEADER_RCODE:  # BADVERS
        return _opt.pack(QType.OPT, 0, rcode >> 4, 0, 0, 0)
    return _opt.pack(QType.OPT, edns.size, rcode >> 4, 0, _DNSSEC_OK * edns.is_dnssec_ok, 0)


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


def response_limit(query: Query, *, is_tcp: bool) -> int:
    """Return how many bytes a response may have."""
    return MAX_TCP if is_tcp else udp_limit(query)


class Shuffle:
    """Records of a section in wire form that may come in any order; ``take`` of them fit the response.

    ``size`` is the bytes of all of them.
    """

    __slots__ = ("chunks", "size", "take")

    def __init__(self, chunks: Sequence[bytes], room: int) -> None:
        self.chunks = chunks
        self.size = sum(map(len, chunks))
        self.take = len(chunks) if self.size <= room else max(0, room // max(map(len, chunks)))

    def order(self, random: Callable[[], float]) -> Sequence[bytes]:
        """Return as many as fit, in uniformly random order (Fisher and Yates)."""
        if len(self.chunks) <= 1:
            return self.chunks[: self.take]
        order = list(self.chunks)
        for last in range(len(order) - 1, 0, -1):
            other = int(random() * (last + 1))
            order[last], order[other] = order[other], order[last]
        return order[: self.take]

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
        return b"".join((self.head, *self.answers.order(random), self.middle, *self.extras.order(random), self.tail))

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


class Dated:
    """A no that is kept: as it was written, but with the zone's ``serial`` as that is now."""

    __slots__ = ("_at", "_serial", "_shown", "_written")

    def __init__(self, response: Response, serial: Callable[[], int]) -> None:
        self._written = response.render(float)
        self._at = len(self._written) - len(response.tail) - _SOA_NUMBERS
        self._serial = serial
        self._shown: int | None = None

    def render(self, _random: Callable[[], float]) -> bytes:
        """Return the response, from its third byte on."""
        serial = self._serial()
        if serial != self._shown:
            before, behind = self._written[: self._at], self._written[self._at + 4 :]
            self._written, self._shown = before + serial.to_bytes(4, "big") + behind, serial
        return self._written


class _Writer:
    """Writes records that come behind a question, compressing names; ``room`` is in bytes, header included.

    A pointer leads into the question's name or into what was written of other names.
    """

    __slots__ = ("_names", "_question", "at", "is_truncated", "room")

    def __init__(self, question: bytes, room: int) -> None:
        self.at = HEADER + len(question) + 4
        self.room = room
        self.is_truncated = False
        self._question = question
        self._names: dict[bytes, int] = {}

    def records(self, records: Sequence[Record]) -> Sequence[bytes]:
        """Return as many records as fit, in their order; nothing fits behind one that does not."""
        if not records:
            return ()
        written: list[bytes] = []
        for each in records:
            if self.is_truncated:
                break
            chunk = self._record(each)
            if self.at + len(chunk) > self.room:
                self.is_truncated = True
                break
            self.at += len(chunk)
            written.append(chunk)
        return written

    def shuffle(self, records: Sequence[Record]) -> Shuffle:
        """Return records as pieces that may come in any order: nothing ever points into them."""
        if not records:
            return _NOTHING
        question, chunks = self._question, []
        for name, rtype, ttl, rdata in records:
            owner = _QUESTION_NAME if name == question else self._name(name, _OUT_OF_REACH)
            chunks.append(owner + _record.pack(rtype, 1, ttl, len(rdata)) + rdata)
        found = Shuffle(chunks, 0 if self.is_truncated else self.room - self.at)
        self.is_truncated = self.is_truncated or found.take < len(chunks)
        self.at += found.size
        return found

    def _record(self, record: Record) -> bytes:
        name, rtype, ttl, rdata = record
        owner = self._name(name, self.at)
        start = self.at + len(owner) + _record.size
        if rtype == QType.SOA:
            rdata = rdata.replace(name, owner, 2)  # the ends of both its names
        elif rtype in _ALIASES:
            rdata = self._name(rdata, start)
        elif rtype == QType.SRV:
            self._name(rdata[6:], start + 6)  # the target itself must not be compressed (RFC 2782)
        return owner + _record.pack(rtype, 1, ttl, len(rdata)) + rdata

    def _name(self, name: bytes, offset: int) -> bytes:
        """Return a name as it is written at ``offset``, and remember it for those behind it."""
        names, question, at = self._names, self._question, 0
        while length := name[at]:
            rest = name[at:]
            pointer = names.get(rest)
            if pointer is None and question.endswith(rest):
                pointer = HEADER + len(question) - len(rest)
            if pointer is not None:
                return name[:at] + (_POINTER | pointer).to_bytes(2, "big")
            if offset + at < _OUT_OF_REACH:
                names[rest] = offset + at
            at += length + 1
        return name


def write_in_order(query: Query, records: Sequence[Record]) -> bytes:
    """Return a message of a transfer: authoritative, with all the records as they are; they must fit MAX_TCP."""
    written = _Writer(query.name, MAX_TCP).records(records)
    header = _header.pack(query.id, QR | AA | query.flags & ECHOED, 1, len(written), 0, 0)
    return header + query.name + _words.pack(query.type, query.qclass) + b"".join(written)


def write_response(query: Query, answer: Answer, limit: int) -> Response:
    """Return the response to ``query`` in at most ``limit`` bytes: what does not fit is left out and TC set.

    Order is that of CoreDNS ``plugin/loadbalance``: aliases in chain order, other records, then addresses.
    """
    rcode, tail = answer.rcode, b""
    if query.edns is not None:
        tail = write_opt(query.edns, rcode)
    writer = _Writer(query.name, limit - len(tail))
    fixed = [each for each in answer.answers if each.type not in _ADDRESSES]
    others = writer.records(fixed)
    addresses = writer.shuffle(
        [each for each in answer.answers if each.type in _ADDRESSES] if fixed else answer.answers
    )
    authority = writer.records(answer.authority)
    extras = writer.shuffle(answer.additional)
    flags = query.flags
    flags = QR | flags & (OPCODE if flags & OPCODE else ECHOED) | rcode & 15
    flags |= AA * answer.is_authoritative | TC * (writer.is_truncated or answer.is_truncated)
    counts = 1, len(others) + addresses.take, len(authority), extras.take + bool(tail)
    head = _header_behind_id.pack(flags, *counts) + query.name + _words.pack(query.type, query.qclass)
    return Response(head + b"".join(others), addresses, b"".join(authority), extras, tail)

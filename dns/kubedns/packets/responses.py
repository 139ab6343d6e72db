"""Responses, written by hand: names compressed, addresses in random order, cut to size. Pure.

Sizes and truncation follow miekg/dns ``msg_truncate.go``, the order of records CoreDNS ``plugin/loadbalance``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations, product
from math import factorial

from kubedns.packets.format import (
    AA,
    DNSSEC_OK,
    ECHOED,
    FIELDS_BEHIND_ID,
    HEADER,
    HEADER_FIELDS,
    MAX_TCP,
    OPCODE,
    OPT_FIELDS,
    QR,
    RECORD_FIELDS,
    TC,
    WORDS,
)
from kubedns.rdata import NAME_TYPES
from kubedns.types import Answer, Edns, Malformed, QType, Query, Record

_MAX_HEADER_RCODE = 15
"""A higher rcode (BADVERS) has its high bits in the OPT record."""

_POINTER = 0xC000
_OUT_OF_REACH = 0x4000
"""The first offset that a compression pointer of 14 bits cannot express."""

_QUESTION_NAME = b"\xc0\x0c"
_SOA_NUMBERS = 20
"""Bytes of the numbers at the end of an SOA record, the serial first."""

_MAX_VARIANTS = 6
"""A response with up to so many orders (three addresses) is kept in all of them; others are put together when sent."""

_ADDRESSES = frozenset((QType.A, QType.AAAA))


def write_opt(edns: Edns, rcode: int) -> bytes:
    """Return the OPT record of a response to a query with ``edns``; BADVERS, for another version, states no size."""
    if rcode > _MAX_HEADER_RCODE:
        return OPT_FIELDS.pack(QType.OPT, 0, rcode >> 4, 0, 0, 0)
    return OPT_FIELDS.pack(QType.OPT, edns.size, rcode >> 4, 0, DNSSEC_OK * edns.is_dnssec_ok, 0)


def write_malformed(malformed: Malformed) -> bytes:
    """Return the response, without its id, to a query of which only the header could be read: a header."""
    return FIELDS_BEHIND_ID.pack(QR | malformed.flags & ECHOED | malformed.rcode, 0, 0, 0, 0)


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
        """Return as many as fit, in uniformly random order (Fisher-Yates)."""
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

    The cut to size comes after the shuffle, so that each address has the same chance to be left out.
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
    """A negative response that is kept: as it was written, but with the present ``serial`` of the zone."""

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
            chunks.append(owner + RECORD_FIELDS.pack(rtype, 1, ttl, len(rdata)) + rdata)
        found = Shuffle(chunks, 0 if self.is_truncated else self.room - self.at)
        self.is_truncated = self.is_truncated or found.take < len(chunks)
        self.at += found.size
        return found

    def _record(self, record: Record) -> bytes:
        name, rtype, ttl, rdata = record
        owner = self._name(name, self.at)
        start = self.at + len(owner) + RECORD_FIELDS.size
        if rtype == QType.SOA:
            rdata = rdata.replace(name, owner, 2)  # both its names end in the zone's
        elif rtype in NAME_TYPES:
            rdata = self._name(rdata, start)
        elif rtype == QType.SRV:
            self._name(rdata[6:], start + 6)  # the target itself must not be compressed (RFC 2782)
        return owner + RECORD_FIELDS.pack(rtype, 1, ttl, len(rdata)) + rdata

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
    head = HEADER_FIELDS.pack(query.id, QR | AA | query.flags & ECHOED, 1, len(written), 0, 0)
    return head + query.name + WORDS.pack(query.type, query.qclass) + b"".join(written)


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
    head = FIELDS_BEHIND_ID.pack(flags, *counts) + query.name + WORDS.pack(query.type, query.qclass)
    return Response(head + b"".join(others), addresses, b"".join(authority), extras, tail)

"""An upstream's reply on its way to the client: checked, and fitted to what the client can take. Pure.

Follows CoreDNS ``plugin/forward``, ``plugin/pkg/proxy`` (connect.go) and ``request.ScrubWriter``: a reply to another
question is FORMERR; one that is cut, or larger than the client can take, comes empty with TC set; one that cannot be
read is SERVFAIL; the OPT record answers the client's own. Of the records only the lengths of addresses are checked.
"""

from __future__ import annotations

import struct

from kubedns.packets.format import DNSSEC_OK, HEADER, QR, RECORD_FIELDS, TC, WORDS
from kubedns.packets.responses import write_opt
from kubedns.types import QType, Query, RCode

_POINTER = 0xC0
_counts = struct.Struct(">4H")
_LENGTHS = {int(QType.A): 4, int(QType.AAAA): 16}
_OPT_FLAGS = 0xFF00


class _CutError(ValueError):
    """The packet ends before it should."""


def fit(reply: bytes, query: Query, limit: int) -> bytes | RCode:
    """Return the reply to ``query`` for the client, in at most ``limit`` bytes; else the rcode to refuse with.

    ``reply`` has the id of the query, and at least a header.
    """
    try:
        questions, begin = _questions(reply)
    except ValueError:
        return RCode.SERVFAIL
    if not reply[2] & QR >> 8 or questions != [_asked(query)]:
        return RCode.FORMERR
    try:
        counts, end, opt = _sections(reply, begin)
    except _CutError:
        return _emptied(reply, begin, query)
    except ValueError:
        return RCode.SERVFAIL
    fitted = _with_counts(reply[:end], counts)
    if query.edns is not None:
        fitted = _with_opt(fitted, counts, opt, query)
    return fitted if len(fitted) <= limit else _emptied(reply, begin, query)


def _asked(query: Query) -> tuple[bytes, int, int]:
    return query.name.lower(), query.type, query.qclass


def _questions(reply: bytes) -> tuple[list[tuple[bytes, int, int]], int]:
    """Return the questions, names in lower case, and where the records begin; ValueError if they cannot be read."""
    found, at = [], HEADER
    for _ in range(min(int.from_bytes(reply[4:6], "big"), 2)):
        end = skip_name(reply, at)
        if end + 4 > len(reply):
            raise _CutError
        found.append((reply[at:end].lower(), *WORDS.unpack_from(reply, end)))
        at = end + 4
    return found, at


def _sections(reply: bytes, at: int) -> tuple[list[int], int, int]:
    """Return the number of records of each section, where they end, and where an OPT record's type is (0: none).

    A count in the header that is higher than the number of records is not believed, as in miekg/dns.
    """
    counts, opt = [0, 0, 0], 0
    for section, claimed in enumerate(_counts.unpack_from(reply, 4)[1:]):
        while counts[section] < claimed and at < len(reply):
            name_end = skip_name(reply, at)
            start = name_end + RECORD_FIELDS.size
            if start > len(reply):
                raise _CutError
            rtype, _, _, length = RECORD_FIELDS.unpack_from(reply, name_end)
            at = start + length
            if at > len(reply):
                raise _CutError
            if _LENGTHS.get(rtype, length) != length:
                raise ValueError("no address")
            if rtype == QType.OPT and section == 2:
                opt = name_end
            counts[section] += 1
    return counts, at, opt


def skip_name(reply: bytes, at: int) -> int:
    """Return where a name ends; ValueError for bytes that are no label, or a pointer that leads ahead."""
    while True:
        if at >= len(reply):
            raise _CutError
        length = reply[at]
        if not length:
            return at + 1
        if length & _POINTER == _POINTER:
            if at + 2 > len(reply):
                raise _CutError
            if int.from_bytes(reply[at : at + 2], "big") & 0x3FFF >= at:
                raise ValueError("a pointer that leads ahead")
            return at + 2
        if length & _POINTER:
            raise ValueError("no label")
        at += length + 1


def _with_counts(reply: bytes, counts: list[int]) -> bytes:
    return reply[:6] + struct.pack(">3H", *counts) + reply[HEADER:]


def _with_opt(reply: bytes, counts: list[int], opt: int, query: Query) -> bytes:
    """Return the reply with an OPT record that repeats the client's size and its wish for DNSSEC."""
    assert query.edns is not None
    if not opt:
        return _with_counts(reply, [*counts[:2], counts[2] + 1]) + write_opt(query.edns, 0)
    at = opt + 2
    flags = int.from_bytes(reply[at + 4 : at + 6], "big") & _OPT_FLAGS | DNSSEC_OK * query.edns.is_dnssec_ok
    head = query.edns.size.to_bytes(2, "big") + reply[at + 2 : at + 3] + b"\0" + flags.to_bytes(2, "big")
    return reply[:at] + head + reply[at + 6 :]


def _emptied(reply: bytes, begin: int, query: Query) -> bytes:
    """Return the head of a reply with TC set, upon which the client asks again over TCP."""
    head = bytes((*reply[:2], reply[2] | TC >> 8, *reply[3:begin]))
    tail = b"" if query.edns is None else write_opt(query.edns, 0)
    return _with_counts(head, [0, 0, bool(tail)]) + tail

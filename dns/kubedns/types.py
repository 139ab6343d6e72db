"""The nouns of the name server: a Query that came, the Records that answer it, the Answer as a whole.

Names travel as wire bytes (length-prefixed labels, ending in a zero byte): a label may hold any byte, and the
spelling of the asker must come back untouched (0x20 resolvers verify it). For lookup there are ``labels``: the same
name in lower case, split. Decides nothing. Numbers are IANA's.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

CLASS_IN = 1

Labels = tuple[bytes, ...]
"""A name in lower case, label by label, without the root."""

Owner = tuple[str, bytes, bytes]
"""What an answer was made from, and so what makes it stale.

("service", namespace, name) is the Service itself and ("endpoints", namespace, name) those in its slices, which most
answers do not show; ("address", packed, b"") is who has an address.
"""

SERIAL: Owner = ("serial", b"", b"")
"""The owner of the answer that is about the zone's serial. A no shows it too, but is not made from it."""


class QType(IntEnum):
    """The record types that mean something to this server."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    NAPTR = 35
    OPT = 41
    DS = 43
    SVCB = 64
    HTTPS = 65
    IXFR = 251
    AXFR = 252
    ANY = 255


TRANSFERS = (QType.AXFR, QType.IXFR)
"""The types that ask for a whole zone."""


class RCode(IntEnum):
    """How a response says what became of the query."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class Edns(NamedTuple):
    """The OPT record of a query: ``size`` is the UDP payload that the asker can take, in bytes."""

    size: int
    version: int
    is_dnssec_ok: bool


class Query(NamedTuple):
    """One question. ``flags`` is the header's second word; ``is_plain`` when equal bytes are an equal question."""

    id: int
    flags: int
    name: bytes
    labels: Labels
    type: int
    qclass: int
    edns: Edns | None
    is_plain: bool


class Malformed(NamedTuple):
    """A query of which only the header can be used; it is answered with that and ``rcode``."""

    id: int
    flags: int
    rcode: RCode


class Record(NamedTuple):
    """A resource record of class IN; names in ``rdata`` are not compressed, ``ttl`` is in seconds."""

    name: bytes
    type: int
    ttl: int
    rdata: bytes


class Follow(NamedTuple):
    """An alias that leaves the cluster: ``target`` is to be asked upstream, and what it says appended."""

    target: bytes
    type: int


class Answer(NamedTuple):
    """What to reply. With ``is_outside`` an upstream knows better, and this is the reply if there is none.

    An answer may be kept until one of its ``owners`` changes.
    """

    rcode: RCode
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    owners: tuple[Owner, ...] = ()
    is_authoritative: bool = True
    is_truncated: bool = False
    is_outside: bool = False
    follow: Follow | None = None

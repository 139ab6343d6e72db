"""The nouns of the name server: a Query, the Records that answer it, the Answer as a whole and Why it is so.

Names travel as wire bytes (length-prefixed labels, ending in a zero byte): a label may hold any byte, and the
client's spelling must come back unchanged (0x20 resolvers verify it). For lookup there are ``labels``: the same
name in lower case, split. Decides nothing. Numbers are IANA's.
"""

from __future__ import annotations

from enum import Enum, IntEnum, auto
from typing import NamedTuple

CLASS_IN = 1

Labels = tuple[bytes, ...]
"""A name in lower case, label by label, without the root."""

Owner = tuple[str, bytes, bytes]
"""What an answer was made from: a change of it makes the answer stale.

("service", namespace, name) is the Service itself and ("endpoints", namespace, name) the endpoints in its slices, which
most answers do not show; ("address", packed, b"") is the Service and the endpoints with an address.
"""

SERIAL: Owner = ("serial", b"", b"")
"""The owner of the SOA answer. Negative answers show the serial too, but are updated in place (``Dated``)."""


class QType(IntEnum):
    """The record types that have a name here; ``rdata.RDATA`` has those of which the zone has records."""

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
    """The result of a query in its response."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class Edns(NamedTuple):
    """The OPT record of a query: ``size`` is the UDP payload that the client can take, in bytes."""

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
    """A query of which only the header can be used; the response is a header with ``rcode``."""

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
    """An alias that leaves the cluster: an upstream is asked for ``target``, and its records are appended."""

    target: bytes
    type: int


class ZoneName(NamedTuple):
    """A name below the zone: ``kind`` is ``svc`` or ``pod``; a part that the name does not have is empty.

    A ``namespace`` alone is the namespace itself, ``kind`` alone is ``svc.<zone>``. For pods ``service`` is the label
    with the address.
    """

    kind: bytes
    namespace: bytes = b""
    service: bytes = b""
    endpoint: bytes = b""
    port: bytes = b""
    protocol: bytes = b""


class Why(Enum):
    """What a name stands for, or the reason that it does not exist; ``explain`` has a sentence for each."""

    APEX = auto()
    KIND = auto()
    NAMESPACE = auto()
    POD = auto()
    CLUSTER_IP = auto()
    HEADLESS = auto()
    ENDPOINT = auto()
    PORT = auto()
    ALIAS = auto()
    ALIAS_OUTSIDE = auto()
    ALIAS_WITHOUT_TARGET = auto()
    REVERSE = auto()
    HOST = auto()

    UNKNOWN_KIND = auto()
    TOO_MANY_LABELS = auto()
    NO_NAMESPACE = auto()
    PODS_DISABLED = auto()
    NO_ADDRESS = auto()
    NO_POD = auto()
    NO_SERVICE = auto()
    INVALID_ALIAS = auto()
    BELOW_ALIAS = auto()
    NO_ENDPOINT = auto()
    NO_PORT = auto()
    NO_READY_ENDPOINT = auto()
    LEFT_OUT = auto()
    NO_REVERSE = auto()
    BELOW_APEX = auto()

    TRANSFER = auto()
    OUTSIDE = auto()


class Asked(NamedTuple):
    """A name of the zone to look up: as it is written, its ``labels`` left of the zone, and what these mean.

    ``origin`` is the zone as it is written in the name; ``owners`` collects what the answer is made from; ``aliases``
    is how many have led here.
    """

    name: bytes
    origin: bytes
    labels: Labels
    parsed: ZoneName | None
    qtype: int
    owners: list[Owner]
    aliases: int = 0


class Found(NamedTuple):
    """A name that exists, as ``why``, with the records that were asked for; without any it is NODATA."""

    why: Why
    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    follow: Follow | None = None


class Missing(NamedTuple):
    """A name that does not exist, and the reason."""

    why: Why


class Answer(NamedTuple):
    """What to reply. With ``is_outside`` an upstream knows better, and this is the reply if there is none.

    An answer may be kept until one of its ``owners`` changes. ``why`` and ``name`` are for ``explain``: the reason, and
    the queried name if it is one below the zone.
    """

    rcode: RCode
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    owners: tuple[Owner, ...] = ()
    why: Why = Why.OUTSIDE
    name: ZoneName | None = None
    follow: Follow | None = None
    is_authoritative: bool = True
    is_truncated: bool = False
    is_outside: bool = False

"""Asks two name servers the same questions, and says where their answers differ, and which of that is declared.

Alike are answers that mean the same: records in another order, the serial of a zone, and which records are left out
of a response that is cut. TTLs, flags, spelling and the order of aliases count.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import dnslib
from tests.helpers.dnsset.questions import Question

from kubehost.addresses import Address

SECONDS = 2.0
"""How long an answer may take; silence is an answer too."""

_CNAME, _SOA, _OPT = 5, 6, 41
_TRUNCATED = 0x0200


class Said(NamedTuple):
    """An answer as it counts."""

    flags: int
    question: bytes
    answers: tuple[str, ...]
    authority: tuple[str, ...]
    additional: tuple[str, ...]


class Difference(NamedTuple):
    """A question that two servers answer differently; ``reason`` is why that is declared, "" if it is not."""

    words: str
    one: Said | str
    other: Said | str
    reason: str = ""


def compare(
    one: Address,
    other: Address,
    questions: Iterable[Question],
    declared: Callable[[Question, Said | str, Said | str], str] = lambda *_: "",
) -> tuple[int, list[Difference]]:
    """Ask both all questions; return how many these were, and the differences."""
    found, count = [], 0
    for question in questions:
        count += 1
        first, second = (read(exchange(each, question)) for each in (one, other))
        if first != second:
            found.append(Difference(question.words, first, second, declared(question, first, second)))
    return count, found


def exchange(server: Address, question: Question) -> bytes:
    """Ask once; return b"" for silence."""
    kind = socket.SOCK_STREAM if question.is_tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(SECONDS)
        try:
            sock.connect(server)
            if not question.is_tcp:
                sock.send(question.packet)
                return sock.recv(65535)
            sock.sendall(len(question.packet).to_bytes(2, "big") + question.packet)
            with sock.makefile("rb") as stream:
                return stream.read(int.from_bytes(stream.read(2), "big"))
        except TimeoutError:
            return b""


def read(packet: bytes) -> Said | str:
    """Return an answer as it counts; "silence", or what is wrong with it."""
    if not packet:
        return "silence"
    flags = int.from_bytes(packet[2:4], "big")
    try:
        parsed = dnslib.DNSRecord.parse(packet)
    except dnslib.DNSError as error:
        return f"no packet: {error}"
    sections = (parsed.rr, parsed.auth, parsed.ar)
    if flags & _TRUNCATED:
        # Which records were left out is chance, or how names were compressed: but some were.
        return Said(flags, _question(packet), (), (), _sorted(_lines(_options(parsed.ar))))
    return Said(flags, _question(packet), *(_sorted(_lines(each)) for each in sections))


def _question(packet: bytes) -> bytes:
    """Return the first question as it is written, b"" if there is none."""
    if not packet[4:6].strip(b"\0"):
        return b""
    end = 12
    while packet[end]:
        end += packet[end] + 1
    return packet[12 : end + 5]


def _options(records: Sequence[dnslib.RR]) -> list[dnslib.RR]:
    return [each for each in records if each.rtype == _OPT]


def _lines(records: Sequence[dnslib.RR]) -> list[tuple[bool, str]]:
    return [(each.rtype != _CNAME, _line(each)) for each in records]


def _line(record: dnslib.RR) -> str:
    if record.rtype == _OPT:
        return f"OPT size {record.rclass} ttl {record.ttl:08x}"
    rdata = record.rdata
    if record.rtype == _SOA:
        rdata = f"{rdata.mname} {rdata.rname} {rdata.times[1:]}"
    return f"{record.rname} {record.ttl} {record.rclass} {record.rtype} {rdata}"


def _sorted(lines: list[tuple[bool, str]]) -> tuple[str, ...]:
    """Return the lines in order, behind those of aliases, whose order is their own."""
    return tuple([line for is_free, line in lines if not is_free] + sorted(line for is_free, line in lines if is_free))

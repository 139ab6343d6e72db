"""The questions of the set: names of every shape and type, then transports, sizes, classes, opcodes and spellings."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tests.helpers.dnsset.objects import ZONE

from kubedns.names import wire_of

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35,
    "DS": 43, "HTTPS": 65, "CAA": 257, "ANY": 255,
}  # fmt: skip
IN, CHAOS = 1, 3
QUERY, STATUS, NOTIFY, UPDATE = 0, 2, 4, 5
_EDNS = ((512, 0, False), (1232, 0, False), (4096, 0, True), (100, 0, False), (1232, 1, False))


class Question(NamedTuple):
    """A packet, how it is sent, and what it asks for in words."""

    packet: bytes
    is_tcp: bool
    words: str


def questions() -> Iterator[Question]:
    """Yield all of them; the names of Services are those of ``objects``."""
    names = list(dict.fromkeys((*_names_of_services(), *_fixed_names(), *_reverse_names(), *_outside_names())))
    for name in names:
        for qtype in TYPES:
            yield ask(name, qtype)
    for name in ("cart", "db", "crowd", "crowned", "wide", "many", "further", "missing"):
        for qtype in ("A", "AAAA", "SRV"):
            full = f"{name}.dns-one.svc.{ZONE}"
            yield ask(full, qtype, is_tcp=True)
            for size, version, wants_dnssec in _EDNS:
                yield ask(full, qtype, edns=(size, version, wants_dnssec))
                yield ask(full, qtype, edns=(size, version, wants_dnssec), is_tcp=True)
    for name in (
        "CART.Dns-One.SvC.cluster.LOCAL",
        "cart.dns-one.svc.CLUSTER.local",
        "_HTTP._Tcp.cart.dns-one.svc.cluster.local",
    ):
        for qtype in ("A", "AAAA", "SRV", "MX"):
            yield ask(name, qtype)
    yield from _unusual()


def ask(
    name: str,
    qtype: str,
    *,
    qclass: int = IN,
    opcode: int = QUERY,
    flags: int = 0x0100,
    edns: tuple[int, int, bool] | None = None,
    is_tcp: bool = False,
) -> Question:
    """A question; ``edns`` is the size, the version, and whether DNSSEC is wanted."""
    head = struct.pack(">6H", 0x2A2A, flags | opcode << 11, 1, 0, 0, edns is not None)
    packet = head + wire_of(name) + struct.pack(">2H", TYPES[qtype], qclass)
    if edns is not None:
        size, version, wants_dnssec = edns
        packet += struct.pack(">xHHBBHH", 41, size, 0, version, 0x8000 * wants_dnssec, 0)
    words = f"{name} {qtype}"
    words += f" class {qclass}" * (qclass != IN) + f" opcode {opcode}" * (opcode != QUERY)
    words += f" edns {edns}" * (edns is not None) + f" flags {flags:04x}" * (flags != 0x0100)
    return Question(packet, is_tcp, words + " tcp" * is_tcp)


def _names_of_services() -> Iterator[str]:
    one, two, svc = (f"{each}.svc.{ZONE}" for each in ("dns-one", "dns-two", "svc"))
    services = (
        "cart", "dual", "six", "unnamed", "many", "both", "sctp", "node", "balanced", "idle", "svc", "shared", "db",
        "asleep", "empty", "wide", "portless", "twins", "crowd", "crowned", "leaving", "unset", "outside", "unknown",
        "inside", "further", "to-dual", "dangling", "itself", "ping", "pong", "literal", "missing",
    )  # fmt: skip
    yield from (f"{each}.{one}" for each in services)
    for service in ("cart", "dual", "many", "both", "sctp", "db", "wide", "inside", "unnamed", "empty"):
        yield from (f"{each}.{service}.{one}" for each in ("_http._tcp", "_dns._udp", "_p2._tcp", "_tcp", "a.b.c"))
    for name in (
        "10-244-9-1.cart",
        "blue.cart",
        "10-244-9-2.cart",
        "db-0.db",
        "10-244-8-4.db",
        "10-244-8-3.db",
        "t.twins",
    ):
        yield f"{name}.{one}"
    for name in (
        "fd00-10-244--820.wide",
        "fd00-10-244-5--0.wide",
        "fd00-10-244-5--.wide",
        "fd00-10-244-0-0-0-0-820.wide",
    ):
        yield f"{name}.{one}"
    yield from (
        f"_http._tcp.blue.cart.{one}",
        f"_9._tcp.cart.{one}",
        f"http.tcp.cart.{one}",
        f"*.{one}",
        f"any.cart.{one}",
    )
    yield from (f"cart.{two}", f"missing.{two}", f"svc.{svc}", f"pod.{svc}", f"cart.{svc}")
    yield from (f"cart.nowhere.svc.{ZONE}", f"nowhere.svc.{ZONE}", one, two, svc)


def _fixed_names() -> Iterator[str]:
    yield from (ZONE, f"svc.{ZONE}", f"pod.{ZONE}", f"ns.dns.{ZONE}", f"dns.{ZONE}", f"dns-version.{ZONE}")
    yield from (f"x.dns-version.{ZONE}", f"foo.{ZONE}", f"cart.dns-one.{ZONE}", f"cart.dns-one.foo.{ZONE}")
    yield from (f"www.example.com.dns-one.svc.{ZONE}", f"a.b.c.d.e.f.svc.{ZONE}", f"_x._y.{ZONE}")
    pods = "dns-one.pod", "nowhere.pod", "10-244-9-1.dns-one.pod", "10-244-9-1.nowhere.pod", "300-1-1-1.dns-one.pod"
    more = "01-2-3-4.dns-one.pod", "fd00--1.dns-one.pod", "1-2-3.dns-one.pod", "x.1-2-3-4.dns-one.pod", "a.dns-one.pod"
    yield from (f"{each}.{ZONE}" for each in (*pods, *more))
    yield from (f"kubernetes.default.svc.{ZONE}", f"_https._tcp.kubernetes.default.svc.{ZONE}")


def _reverse_names() -> Iterator[str]:
    addresses = (
        "10.96.9.1",
        "10.96.9.6",
        "10.96.9.200",
        "10.244.9.1",
        "10.244.9.2",
        "10.244.8.1",
        "10.244.8.3",
        "10.244.8.40",
    )
    for address in (*addresses, "198.51.100.9", "203.0.113.5"):
        yield ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    yield from (
        "in-addr.arpa",
        "ip6.arpa",
        "96.10.in-addr.arpa",
        "1.9.96.10.20.in-addr.arpa",
        "300.9.96.10.in-addr.arpa",
    )
    for address in ("fd000010009600000000000000000902", "fd000010024400000000000000000820", "20010db8" + "0" * 24):
        yield ".".join(reversed(address)) + ".ip6.arpa"


def _outside_names() -> Iterator[str]:
    yield from ("www.example.org", "missing.example.org", "xcluster.local", "local", ".", "example.org")


def _unusual() -> Iterator[Question]:
    cart = f"cart.dns-one.svc.{ZONE}"
    for opcode in (STATUS, NOTIFY, UPDATE):
        yield ask(cart, "A", opcode=opcode)
    for qclass in (CHAOS, 255):
        yield ask(cart, "A", qclass=qclass)
        yield ask("version.bind", "TXT", qclass=qclass)
    for flags in (0x0000, 0x0110, 0x0120, 0x0500, 0x0130):
        yield ask(cart, "A", flags=flags)
        yield ask(f"missing.dns-one.svc.{ZONE}", "A", flags=flags)
    header = struct.pack(">6H", 0x2A2A, 0x0100, 1, 0, 0, 0)
    asked = wire_of(cart) + struct.pack(">2H", 1, 1)
    none = struct.pack(">6H", 0x2A2A, 0x0100, 0, 0, 0, 0)
    two = struct.pack(">6H", 0x2A2A, 0x0100, 2, 0, 0, 0)
    for words, packet in (
        ("no question", none),
        ("two questions", two + asked + asked),
        ("bytes behind the question", header + asked + b"\0\0"),
    ):
        yield Question(packet, False, words)

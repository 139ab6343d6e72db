"""The expressions of nftables that rules are made of, in their netlink form. Pure.

Numbers are those of include/uapi/linux/netfilter/nf_tables.h. Values are what registers hold: what comes from a packet
as it was sent, the kernel's own numbers in the machine's order. Registers are counted in words of four bytes.
"""

from __future__ import annotations

import struct
from functools import cache, lru_cache

from kubehost.netlink import attribute, text_attribute
from kubeproxy.nft.netlink.attributes import long_number, nested, number, signed
from kubeproxy.nft.statements import End, Goto, Jump, Verdict

VERDICT_REGISTER = 0
FIRST_WORD = 8
"""NFT_REG32_00."""
_LIST_ELEM, _NAME, _DATA = 1, 1, 2
_DATA_VALUE, _DATA_VERDICT = 1, 2
_CODES = {Goto: -4, Jump: -3}
_ENDS = {End.DROP: 0, End.ACCEPT: 1, End.RETURN: -5}

NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
META_MARK, META_L4PROTO = 3, 16
CT_STATE, CT_STATUS = 0, 2


def host(value: int) -> bytes:
    """Return a number of the kernel's as a register holds it."""
    return struct.pack("=I", value)


def value_of(kind: int, value: bytes) -> bytes:
    """Return an attribute with a value."""
    return nested(kind, attribute(_DATA_VALUE, value))


def verdict_of(kind: int, verdict: Verdict) -> bytes:
    """Return an attribute with a verdict."""
    if isinstance(verdict, End):
        return nested(kind, nested(_DATA_VERDICT, signed(1, _ENDS[verdict])))
    return nested(kind, nested(_DATA_VERDICT, signed(1, _CODES[type(verdict)]), text_attribute(2, verdict.chain)))


def expression(name: str, *attributes: bytes) -> bytes:
    """Return one entry of a rule's list of expressions."""
    return nested(_LIST_ELEM, text_attribute(_NAME, name), nested(_DATA, *attributes))


@cache
def load_payload(base: int, offset: int, length: int, register: int) -> bytes:
    """Read bytes of the packet."""
    return expression("payload", number(1, register), number(2, base), number(3, offset), number(4, length))


@cache
def load_meta(key: int, register: int = FIRST_WORD) -> bytes:
    """Read what the kernel knows of the packet."""
    return expression("meta", number(2, key), number(1, register))


@cache
def store_meta(key: int) -> bytes:
    """Write what the kernel knows of the packet."""
    return expression("meta", number(2, key), number(3, FIRST_WORD))


@cache
def load_connection(key: int, direction: int | None = None) -> bytes:
    """Read what the kernel knows of the packet's connection; ``direction`` 0 is the client's."""
    way = b"" if direction is None else attribute(3, bytes((direction,)))
    return expression("ct", number(2, key), number(1, FIRST_WORD), way)


@cache
def load_source_type() -> bytes:
    """Read what kind of address the source is (rtnetlink's RTN_LOCAL and so on)."""
    by_source, address_type = 1, 3
    return expression("fib", number(1, FIRST_WORD), number(2, address_type), number(3, by_source))


@cache
def load_destination_type() -> bytes:
    """Read what kind of address the destination is."""
    by_destination, address_type = 2, 3
    return expression("fib", number(1, FIRST_WORD), number(2, address_type), number(3, by_destination))


@cache
def masquerade() -> bytes:
    """Translate the source to an address of the interface, with a port at random (NF_NAT_RANGE_PROTO_RANDOM_FULLY)."""
    fully_random = 1 << 4
    return expression("masq", number(1, fully_random))


@cache
def mask(keep: bytes, flip: bytes = b"") -> bytes:
    """Keep some bits of the first words, and then flip some."""
    one, flip = number(1, FIRST_WORD), flip or bytes(len(keep))
    return expression("bitwise", one, number(2, FIRST_WORD), number(3, len(keep)), value_of(4, keep), value_of(5, flip))


@lru_cache(maxsize=4096)
def compare(value: bytes, *, differs: bool = False) -> bytes:
    """Go on if the first words have the value, or with ``differs`` if they have not."""
    return expression("cmp", number(1, FIRST_WORD), number(2, int(differs)), value_of(3, value))


@lru_cache(maxsize=4096)
def within(first: bytes, last: bytes) -> bytes:
    """Go on if the first words are not below the first value nor above the last, as bytes are compared."""
    at_most, at_least = 3, 5
    return b"".join(
        expression("cmp", number(1, FIRST_WORD), number(2, kind), value_of(3, value))
        for kind, value in ((at_least, first), (at_most, last))
    )


def lookup(set_name: str, target: int | None = None, set_id: int = 0, *, inverted: bool = False) -> bytes:
    """Go on if the key is in a set; of a map, put its value into the register ``target``."""
    parts = [text_attribute(1, set_name), number(2, FIRST_WORD)]
    if target is not None:
        parts.append(number(3, target))
    if set_id:
        parts.append(number(4, set_id))
    if inverted:
        parts.append(number(5, 1))
    return expression("lookup", *parts)


def immediate(register: int, value: bytes) -> bytes:
    """Put a value into a register. The value comes last: what is before it is the same for all of a length."""
    return _before_value(register, len(value)) + value + bytes(-len(value) % 4)


@cache
def _before_value(register: int, size: int) -> bytes:
    whole = expression("immediate", number(1, register), value_of(2, bytes(size)))
    return whole[: len(whole) - size - (-size % 4)]


def decide(verdict: Verdict) -> bytes:
    """Give the packet a verdict."""
    return expression("immediate", number(1, VERDICT_REGISTER), verdict_of(2, verdict))


@cache
def random_below(count: int) -> bytes:
    """Put a number from 0 to ``count`` - 1 into the first word, all with the same chance."""
    at_random = 1
    return expression("numgen", number(1, FIRST_WORD), number(2, count), number(3, at_random))


@cache
def translate(family: int, *, destination: bool, port_register: int = 0) -> bytes:
    """Translate to the address that begins in the first word, and the port in another one."""
    parts = [number(1, int(destination)), number(2, family), number(3, FIRST_WORD)]
    if port_register:
        # NF_NAT_RANGE_PROTO_SPECIFIED is set by the kernel itself, as a register is named.
        parts.append(number(5, port_register))
    return expression("nat", *parts)


def refresh(set_name: str, milliseconds: int) -> bytes:
    """Add the key to a set, or renew its time there."""
    update = 1
    return expression(
        "dynset", text_attribute(1, set_name), number(4, FIRST_WORD), number(3, update), long_number(6, milliseconds)
    )


@cache
def refuse(code: int | None) -> bytes:
    """Answer with an ICMP message "destination unreachable" of this code, or None: with a reset of TCP."""
    by_icmp, by_reset = 0, 1
    if code is None:
        return expression("reject", number(1, by_reset))
    return expression("reject", number(1, by_icmp), attribute(2, bytes((code,))))

"""Rules in their netlink form: each statement as expressions, and as sets without a name where it has a list. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from itertools import count
from typing import Any, NamedTuple

from kubeproxy.nft import statements as st
from kubeproxy.nft.matches import ByChance, IsKnown, IsToElsewhere, IsUnderWay, ToPorts
from kubeproxy.nft.netlink import expressions as ex
from kubeproxy.nft.netlink.forms import (
    ANONYMOUS,
    BY_HOST_NUMBER,
    CONSTANT,
    DATA,
    INTERVAL,
    MAP,
    PROTOCOLS,
    TYPE_BITS,
    TYPE_INTEGER,
    TYPE_PORT,
    TYPE_VERDICT,
    V4,
    V6,
    Family,
    SetForm,
    UnnamedSet,
    element,
    intervals,
    packed,
)

_IS_NEW, _IS_KNOWN, _IS_TRANSLATED = 0x8, 0x6, 0x20
"""NF_CT_STATE_BIT of IP_CT_NEW, of IP_CT_ESTABLISHED and IP_CT_RELATED; IPS_DST_NAT."""
_FLAGS, _SYN, _SYN_OR_ACK = 13, b"\x02", b"\x12"
"""Where a TCP header has its flags (RFC 9293 3.1), and two of them."""
_RTN_LOCAL = 2
_ALL = 0xFFFFFFFF
_numbers = count(2)
"""1 is that of sets with a name, which nothing finds by number."""


class Encoded(NamedTuple):
    """A rule's expressions, and the sets that have to be made before it."""

    expressions: bytes
    sets: tuple[UnnamedSet, ...]


def _has(bit: int) -> Iterable[bytes]:
    return ex.mask(ex.host(bit)), ex.compare(ex.host(0), differs=True)


_PROTOCOL = ex.load_meta(ex.META_L4PROTO)
_PORT = ex.load_payload(ex.TRANSPORT_HEADER, 2, 2, ex.FIRST_WORD)
_UNDER_WAY = (
    _PROTOCOL,
    ex.compare(bytes((PROTOCOLS["TCP"],))),
    ex.load_payload(ex.TRANSPORT_HEADER, _FLAGS, 1, ex.FIRST_WORD),
    ex.mask(_SYN_OR_ACK),
    ex.compare(_SYN, differs=True),
)
_MARK = (
    ex.load_meta(ex.META_MARK),
    ex.mask(ex.host(_ALL & ~st.MASQUERADE), ex.host(st.MASQUERADE)),
    ex.store_meta(ex.META_MARK),
)
_UNMARK = (
    ex.load_meta(ex.META_MARK),
    ex.mask(ex.host(_ALL & ~st.MASQUERADE)),
    ex.store_meta(ex.META_MARK),
)


class _Encoder:
    """Encodes the statements of one rule."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._sets: list[UnnamedSet] = []
        self._source = self._address(st.Field.SOURCE, ex.FIRST_WORD)
        self._port = ex.FIRST_WORD + family.words
        self._translate = ex.translate(family.number, destination=True, port_register=self._port)
        self._kinds: dict[type, Callable[[Any], Iterable[bytes]]] = {**self._simple(), **self._complex()}

    def encode(self, rule: st.Rule) -> Encoded:
        """Return the expressions of a rule, and its sets."""
        self._sets = []
        expressions = b"".join([part for each in rule for part in self._kinds[type(each)](each)])
        return Encoded(expressions, tuple(self._sets))

    def _simple(self) -> dict[type, Callable[[Any], Iterable[bytes]]]:
        """Return how statements are encoded that have no fields, or few."""
        return {
            st.Goto: lambda each: [ex.decide(each)],
            st.Jump: lambda each: [ex.decide(each)],
            st.End: lambda each: [ex.decide(each)],
            st.IsNew: lambda _: [ex.load_connection(ex.CT_STATE), *_has(_IS_NEW)],
            IsKnown: lambda _: [ex.load_connection(ex.CT_STATE), *_has(_IS_KNOWN)],
            IsUnderWay: lambda _: _UNDER_WAY,
            ToPorts: lambda each: [_PORT, ex.within(each.first.to_bytes(2, "big"), each.last.to_bytes(2, "big"))],
            ByChance: lambda each: [ex.random_below(each.among), ex.compare(ex.host(0))],
            st.IsTranslated: lambda _: [ex.load_connection(ex.CT_STATUS), *_has(_IS_TRANSLATED)],
            st.IsFromHere: lambda _: [ex.load_source_type(), ex.compare(ex.host(_RTN_LOCAL))],
            st.IsProtocol: lambda each: [_PROTOCOL, ex.compare(bytes((PROTOCOLS[each.protocol],)))],
            st.IsMarked: lambda _: [ex.load_meta(ex.META_MARK), *_has(st.MASQUERADE)],
            st.Mark: lambda each: _UNMARK if each.off else _MARK,
            st.Masquerade: lambda _: [ex.masquerade()],
            IsToElsewhere: lambda _: [ex.load_destination_type(), ex.compare(ex.host(_RTN_LOCAL), differs=True)],
            st.Reject: lambda each: [ex.refuse(None if each.by_reset else self._family.port_unreachable)],
        }

    def _complex(self) -> dict[type, Callable[[Any], Iterable[bytes]]]:
        """Return how the others are."""
        first_destination = ex.load_connection(self._family.ct_destination, 0)
        return {
            st.InSet: lambda each: [*self._load(each.key), ex.lookup(each.set_name)],
            st.ByKey: lambda each: [*self._load(each.key), ex.lookup(each.map_name, ex.VERDICT_REGISTER)],
            st.FromOneOf: self._from_one_of,
            st.Pin: lambda each: [self._source, ex.refresh(each.set_name, each.seconds * 1000)],
            st.ToRandomChain: self._to_random_chain,
            st.Dnat: self._dnat,
            st.Snat: lambda each: [ex.immediate(ex.FIRST_WORD, packed(each.address)), self._snat()],
            st.SnatBySource: lambda each: [self._source, *self._snat_by(each.addresses)],
            st.SnatByFirstDestination: lambda each: [first_destination, *self._snat_by(each.addresses)],
        }

    def _address(self, field: st.Field, register: int) -> bytes:
        family = self._family
        offset = family.source if field is st.Field.SOURCE else family.destination
        return ex.load_payload(ex.NETWORK_HEADER, offset, family.size, register)

    def _load(self, key: tuple[st.Field, ...]) -> Iterator[bytes]:
        register = ex.FIRST_WORD
        for field in key:
            if field is st.Field.PROTOCOL:
                yield ex.load_meta(ex.META_L4PROTO, register)
            elif field is st.Field.PORT:
                yield ex.load_payload(ex.TRANSPORT_HEADER, 2, 2, register)
            else:
                yield self._address(field, register)
                register += self._family.words - 1
            register += 1

    def _list(self, form: SetForm, elements: tuple[bytes, ...], target: int | None, *, inverted: bool = False) -> bytes:
        """Look the first words up in a set of the rule's own."""
        made = UnnamedSet(next(_numbers), form, elements)
        self._sets.append(made)
        return ex.lookup(made.name, target, made.number, inverted=inverted)

    def _from_one_of(self, each: st.FromOneOf) -> Iterable[bytes]:
        address = self._address(each.field, ex.FIRST_WORD)
        if len(each.cidrs) == 1:
            network = ip_network(each.cidrs[0], strict=False)
            masked = () if network.prefixlen == network.max_prefixlen else (ex.mask(network.netmask.packed),)
            return [address, *masked, ex.compare(network.network_address.packed, differs=each.not_)]
        form = SetForm(ANONYMOUS | CONSTANT | INTERVAL, self._family.address_type, self._family.size)
        elements = intervals((cidr, b"") for cidr in each.cidrs)
        return [address, self._list(form, elements, None, inverted=each.not_)]

    def _to_random_chain(self, each: st.ToRandomChain) -> Iterable[bytes]:
        form = SetForm(ANONYMOUS | CONSTANT | MAP, TYPE_INTEGER, 4, TYPE_VERDICT, user_data=BY_HOST_NUMBER)
        elements = tuple(
            element(ex.host(number), ex.verdict_of(DATA, st.Goto(chain))) for number, chain in enumerate(each.chains)
        )
        return [ex.random_below(len(elements)), self._list(form, elements, ex.VERDICT_REGISTER)]

    def _dnat(self, each: st.Dnat) -> Iterable[bytes]:
        family = self._family
        if len(each.endpoints) == 1:
            ((address, number),) = each.endpoints
            port = ex.immediate(self._port, number.to_bytes(2, "big"))
            return [ex.immediate(ex.FIRST_WORD, packed(address)), port, self._translate]
        targets = [packed(address) + struct.pack("!H2x", port) for address, port in each.endpoints]
        data_type = family.address_type << TYPE_BITS | TYPE_PORT
        form = SetForm(
            ANONYMOUS | CONSTANT | MAP, TYPE_INTEGER, 4, data_type, family.size + 4, user_data=BY_HOST_NUMBER
        )
        elements = tuple(element(ex.host(index), ex.value_of(DATA, to)) for index, to in enumerate(targets))
        return [ex.random_below(len(targets)), self._list(form, elements, ex.FIRST_WORD), self._translate]

    def _snat(self) -> bytes:
        return ex.translate(self._family.number, destination=False)

    def _snat_by(self, addresses: tuple[tuple[str, str], ...]) -> Iterator[bytes]:
        family = self._family
        flags = ANONYMOUS | CONSTANT | INTERVAL | MAP
        form = SetForm(flags, family.address_type, family.size, family.address_type, family.size)
        yield self._list(
            form, intervals((cidr, ex.value_of(DATA, packed(to))) for cidr, to in addresses), ex.FIRST_WORD
        )
        yield self._snat()


_ENCODERS = {family.number: _Encoder(family) for family in (V4, V6)}


FEW = 16
"""Endpoints that have a rule each."""


def written(rule: st.Rule) -> Iterator[st.Rule]:
    """Yield what a rule is written as: where it leads to few endpoints, one for each, as in kube-proxy's iptables mode.

    A map of the rule's own costs more the more there are: the kernel keeps all sets of a table in a list, and looks
    through it for each new one. A map that all rules share would be looked through whole for each of them.

    Behind a map is where its first entry leads: a packet that is in a rule while that is replaced finds none in its
    map, and would go on to the Service's own address. kube-proxy loses such a connection.
    """
    last = rule[-1]
    endpoints = last.endpoints if isinstance(last, st.Dnat) else ()
    if not 1 < len(endpoints) <= FEW:
        yield rule
        if isinstance(last, st.ToRandomChain):
            yield (*rule[:-1], st.Goto(last.chains[0]))
        elif endpoints[1:]:
            yield (*rule[:-1], st.Dnat(endpoints[:1]))
        return
    for left, endpoint in zip(range(len(endpoints), 0, -1), endpoints, strict=True):
        by_chance = (ByChance(left),) if left > 1 else ()
        yield (*rule[:-1], *by_chance, st.Dnat((endpoint,)))


def encode_rule(rule: st.Rule, family: Family) -> Encoded:
    """Return the netlink form of a rule."""
    return _ENCODERS[family.number].encode(rule)

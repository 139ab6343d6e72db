"""The messages to nf_tables that make and remove what is in a table. Pure.

Numbers are those of include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from kubehost.netlink import ACK, APPEND, CREATE, Message, attribute, frame, read_attributes, text_attribute
from kubeproxy.nft.netlink.attributes import HEADER_SIZE, header, nested, number, signed
from kubeproxy.nft.netlink.encoding import encode_rule, written
from kubeproxy.nft.netlink.expressions import value_of
from kubeproxy.nft.netlink.forms import Family, SetForm
from kubeproxy.nft.statements import Rule

_NF_TABLES = 10
_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN, _DELCHAIN = range(6)
_NEWRULE, _DELRULE = 6, 8
_NEWSET, _DELSET, _NEWSETELEM, _GETSETELEM, _DELSETELEM = 9, 11, 12, 13, 14
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_FRAME = 16
"""Bytes around the body of a message."""
_MOST_BYTES = 60_000
"""Of the elements in one message: an attribute has at most 64 KiB."""


class Hook(NamedTuple):
    """Where packets enter a base chain: ``number`` is a netfilter hook, ``kind`` filter or nat."""

    kind: str
    number: int
    priority: int


@cache
def _table(name: str) -> bytes:
    return text_attribute(1, name)


def new_table(family: Family) -> Message:
    """Make the table, unless it is there."""
    return _message(_NEWTABLE, family, f"table {family.table}", _table(family.table), flags=CREATE)


def delete_table(family: Family) -> Message:
    """Remove the table with all that is in it; it must be there."""
    return _message(_DELTABLE, family, f"table {family.table}", _table(family.table))


def new_chain(family: Family, name: str, hook: Hook | None) -> Message:
    """Make a chain, unless it is there."""
    parts = [_table(family.table), text_attribute(3, name)]
    if hook is not None:
        parts += [nested(4, number(1, hook.number), signed(2, hook.priority)), text_attribute(7, hook.kind)]
    return _message(_NEWCHAIN, family, f"chain {name}", *parts, flags=CREATE)


def flush_chain(family: Family, name: str) -> Message:
    """Remove the rules of a chain."""
    return _message(_DELRULE, family, f"the rules of chain {name}", _table(family.table), text_attribute(2, name))


def delete_chain(family: Family, name: str) -> Message:
    """Remove a chain that has no rules and to which nothing leads."""
    return _message(_DELCHAIN, family, f"chain {name}", _table(family.table), text_attribute(3, name))


def add_rule(family: Family, chain: str, rule: Rule) -> Iterator[Message]:
    """Yield what appends a rule to a chain, with the sets that belong to it."""
    of_chain = _table(family.table), text_attribute(2, chain)
    for single in written(rule):
        encoded = encode_rule(single, family)
        for each in encoded.sets:
            yield _new_set(family, each.name, each.form, each.number)
            yield from _elements(_NEWSETELEM, family, each.name, each.elements, each.number)
        parts = (*of_chain, nested(4, encoded.expressions))
        yield _message(_NEWRULE, family, f"a rule of chain {chain}", *parts, flags=CREATE | APPEND)


def new_set(family: Family, name: str, form: SetForm) -> Message:
    """Make a set or map, unless it is there."""
    return _new_set(family, name, form, 0)


def delete_set(family: Family, name: str) -> Message:
    """Remove a set or map that no rule uses."""
    return _message(_DELSET, family, f"set {name}", _table(family.table), text_attribute(2, name))


def add_elements(family: Family, set_name: str, elements: Sequence[bytes]) -> Iterator[Message]:
    """Yield what puts elements into a set."""
    return _elements(_NEWSETELEM, family, set_name, elements, 0)


def delete_elements(family: Family, set_name: str, elements: Sequence[bytes]) -> Iterator[Message]:
    """Yield what removes elements from a set; they must be there."""
    return _elements(_DELSETELEM, family, set_name, elements, 0)


def get_table(family: Family) -> Message:
    """Ask for the table; ENOENT if it is not there."""
    return _message(_GETTABLE, family, f"table {family.table}", _table(family.table))


def get_chain(family: Family, name: str) -> Message:
    """Ask for a chain; ENOENT if it is not there."""
    return _message(_GETCHAIN, family, f"chain {name}", _table(family.table), text_attribute(3, name))


def get_element(family: Family, set_name: str, key: bytes) -> Message:
    """Ask for an element of a set; ENOENT if it is not there."""
    parts = (_table(family.table), text_attribute(2, set_name), nested(3, nested(1, value_of(1, key))))
    return _message(_GETSETELEM, family, f"an element of {set_name}", *parts)


def read_seconds_left(body: bytes) -> float:
    """Return for how many seconds the element in an answer stays."""
    found = dict(read_attributes(body[HEADER_SIZE:]))
    element = dict(read_attributes(dict(read_attributes(found.get(3, b""))).get(1, b"")))
    return int.from_bytes(element.get(5, b""), "big") / 1000


def flush_set(family: Family, set_name: str) -> Message:
    """Remove all elements of a set or map."""
    return _message(_DELSETELEM, family, f"set {set_name}", _table(family.table), text_attribute(2, set_name))


def batch(messages: Sequence[Message], first: int) -> bytes:
    """Return one transaction on the wire; message i has the sequence number ``first`` + 1 + i, and the last an ACK."""
    *others, last = messages
    begin, end = (Message(each, 0, header(0, _NF_TABLES)) for each in (_BATCH_BEGIN, _BATCH_END))
    sent = (begin, *others, last._replace(flags=last.flags | ACK), end)
    return b"".join(frame(each, sequence) for sequence, each in enumerate(sent, first))


def size_of(messages: Iterable[Message]) -> int:
    """Return how many bytes messages have on the wire."""
    return sum(_FRAME + len(each.body) for each in messages)


def _message(kind: int, family: Family, subject: str, *attributes: bytes, flags: int = 0) -> Message:
    return Message(_NF_TABLES << 8 | kind, flags, header(family.number) + b"".join(attributes), subject)


def _new_set(family: Family, name: str, form: SetForm, set_number: int) -> Message:
    parts = [
        _table(family.table),
        text_attribute(2, name),
        number(3, form.flags),
        number(4, form.key_type),
        number(5, form.key_length),
    ]
    if form.data_type:
        parts += [number(6, form.data_type), number(7, form.data_length)]
    parts.append(number(10, set_number or 1))
    if form.user_data:
        parts.append(attribute(13, form.user_data))
    return _message(_NEWSET, family, f"set {name}", *parts, flags=CREATE)


def _elements(
    kind: int, family: Family, set_name: str, elements: Sequence[bytes], set_number: int
) -> Iterator[Message]:
    most = max(1, _MOST_BYTES // max(map(len, elements), default=1))
    for start in range(0, len(elements), most):
        parts = [_table(family.table), text_attribute(2, set_name), nested(3, *elements[start : start + most])]
        if set_number:
            parts.append(number(4, set_number))
        yield _message(kind, family, f"elements of {set_name}", *parts, flags=CREATE if kind == _NEWSETELEM else 0)

"""What calls of Kubernetes' libraries cost (apiserver ``cel/library/cost.go``, cel-go ``ext``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from kubeapi.cel.cost.operands import (
    LIST_COST,
    ONE,
    REGEX,
    TRAVERSAL,
    UNKNOWN,
    Estimate,
    Operands,
    converting,
    is_text,
    matching,
    number,
    reading,
    scaled,
    traversal,
)
from kubeapi.cel.syntax.nodes import Constant

_REQUIREMENT_COST = 50
"""Of a requirement of a selector, of which there may be one for two characters."""
_CHECK_COST = 350_000
_FORMAT_REGEX_SIZE = 128
_NETWORK_SIZE = 16


def _find(operands: Operands) -> Estimate:
    return matching(operands[:2])._replace(size=operands[0].size)


def _over_items(operands: Operands) -> Estimate:
    target = operands[0]
    if target.type.kind != "list":
        return Estimate(traversal(target.size))
    own = 1 + (traversal(target.item_size) if is_text(target.type.params[0]) else 0)
    return Estimate(target.size * own)


def _includes(operands: Operands) -> Estimate:
    target = operands[0]
    return _over_items(operands) if target.type.kind == "list" else Estimate(target.size)


def _replace(operands: Operands) -> Estimate:
    text, old, new = operands[:3]
    least = old.size if isinstance(old.node, Constant) else 0
    if least == 0:
        size = (text.size + 1) * new.size + text.size
    elif new.size <= least:
        size = text.size
    else:
        size = ceil(text.size / least) * new.size
    return Estimate(traversal(text.size, 2), size)


def _split(operands: Operands) -> Estimate:
    size = operands[0].size
    return Estimate(traversal(size, 2), number(operands, 2, size))


def _join(operands: Operands) -> Estimate:
    parts = operands[0]
    size = parts.size * parts.item_size
    if len(operands) > 1:
        size += operands[1].size * max(parts.size - 1, 0)
    return Estimate(traversal(size), size)


def _is_within(more: int) -> Callable[[Operands], Estimate]:
    """Return what estimates containsIP and, with ``more`` 1, containsCIDR; a text has to be read first."""

    def within(operands: Operands) -> Estimate:
        cost = traversal(2 * _NETWORK_SIZE) + (traversal(_NETWORK_SIZE) + 1) * more
        other = operands[1]
        return Estimate(cost + (traversal(other.size) if other.is_one_of("string") else 0))

    return within


def _ip(operands: Operands) -> Estimate:
    return reading()(operands) if operands[0].is_one_of("string") else ONE


def _validate(operands: Operands) -> Estimate:
    return Estimate(scaled(traversal(operands[1].size), _FORMAT_REGEX_SIZE * REGEX))


def _selector(operands: Operands) -> Estimate:
    size = operands[1].size
    return Estimate(LIST_COST + traversal(size) + scaled(scaled(size, 0.5), _REQUIREMENT_COST))


def _sets(factor: int) -> Callable[[Operands], Estimate]:
    return lambda operands: Estimate(operands[0].size * operands[1].size * factor + 1)


def _squared(operands: Operands) -> Estimate:
    size = operands[-1].size ** 2
    item = operands[-1].type.params[0] if operands[-1].type.kind == "list" else operands[-1].type
    return Estimate(scaled(size, 2 + (TRAVERSAL if is_text(item) else 0)) + 1 + LIST_COST, size)


def _distinct(operands: Operands) -> Estimate:
    size = operands[0].size ** 2
    return Estimate(2 * size + 1 + LIST_COST, size)


def _made_list(size: int, times: int = 1) -> Estimate:
    return Estimate(size * times + 1 + LIST_COST, size)


def _slice(operands: Operands) -> Estimate:
    return _made_list(max(number(operands, 2, operands[0].size) - number(operands, 1, 0), 0))


def _flatten(operands: Operands) -> Estimate:
    return _made_list(operands[0].size, 1 if len(operands) == 1 else number(operands, 1, UNKNOWN))


LIBRARY_CALLS: Mapping[str, Callable[[Operands], Estimate]] = {
    **dict.fromkeys(("find", "findAll"), _find),
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _over_items),
    "includes": _includes,
    **dict.fromkeys(("url", "jsonpatch.escapeKey", "lowerAscii", "upperAscii", "substring", "trim"), converting(1)),
    "replace": _replace,
    "split": _split,
    "join": _join,
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"), reading()),
    "ip": _ip,
    "ip.isCanonical": reading(2),
    "containsIP": _is_within(0),
    "containsCIDR": _is_within(1),
    "validate": _validate,
    "check": lambda operands: Estimate(_CHECK_COST),
    **dict.fromkeys(("fieldSelector", "labelSelector"), _selector),
    **dict.fromkeys(("sets.contains", "sets.intersects"), _sets(1)),
    "sets.equivalent": _sets(2),
    **dict.fromkeys(("sort", "@sortByAssociatedKeys"), _squared),
    "distinct": _distinct,
    "reverse": lambda operands: _made_list(operands[0].size),
    "slice": _slice,
    "flatten": _flatten,
    "lists.range": lambda operands: _made_list(number(operands, 0, UNKNOWN)),
}
"""By the names of functions."""

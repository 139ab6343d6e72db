"""What a call costs at most, beside its arguments (cel-go ``checker/cost.go``). Pure.

A size is that of ``size()``: characters, bytes, items or entries. Only upper bounds are estimated: with them alone the
API server decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeapi.cel.cost.librarycalls import LIBRARY_CALLS
from kubeapi.cel.cost.operands import (
    ONE,
    TEXTS,
    Estimate,
    Operands,
    converting,
    matching,
    reading,
    traversal,
)

_FORMAT_SIZE = 64


def estimate(function: str, operands: Operands) -> Estimate:
    """Return what a call costs."""
    made = _CALLS.get(function)
    return made(operands) if made is not None else ONE


def _add(operands: Operands) -> Estimate:
    one, other = operands
    if not one.is_one_of(*TEXTS, "list"):
        return ONE
    size = one.size + other.size
    return Estimate(traversal(size) if one.is_one_of(*TEXTS) else 1, size)


def _equal(operands: Operands) -> Estimate:
    one, other = operands
    if one.type == other.type and one.type.name in _SINGLE:
        return ONE
    if one.type == other.type and one.type.name == "kubernetes.NamedFormat":
        return Estimate(traversal(_FORMAT_SIZE))
    return Estimate(traversal(min(one.size, other.size)))


_SINGLE = frozenset(
    (
        *("net.IP", "net.CIDR", "kubernetes.Quantity", "kubernetes.Semver"),
        *(f"kubernetes.authorization.{name}" for name in ("Authorizer", "PathCheck", "GroupCheck")),
        *(f"kubernetes.authorization.{name}" for name in ("ResourceCheck", "Decision")),
    )
)
"""The types of which two values are compared at once."""


def _less(operands: Operands) -> Estimate:
    one, other = operands
    return Estimate(traversal(min(one.size, other.size))) if one.is_one_of(*TEXTS) else ONE


def _in(operands: Operands) -> Estimate:
    container = operands[1]
    return Estimate(container.size) if container.is_one_of("list") else ONE


def _contains(operands: Operands) -> Estimate:
    text, part = operands
    return Estimate(traversal(text.size) * traversal(part.size))


def _string(operands: Operands) -> Estimate:
    return converting(1)(operands) if operands[0].is_one_of("bytes") else ONE


def _bytes(operands: Operands) -> Estimate:
    return converting(4)(operands) if operands[0].is_one_of("string") else ONE


_CALLS: Mapping[str, Callable[[Operands], Estimate]] = {
    "_+_": _add,
    **dict.fromkeys(("_==_", "_!=_"), _equal),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _less),
    "@in": _in,
    "matches": matching,
    "contains": _contains,
    **dict.fromkeys(("startsWith", "endsWith"), lambda operands: Estimate(traversal(operands[1].size))),
    "string": _string,
    "bytes": _bytes,
    "strings.quote": converting(2, 2),
    "format": reading(),
    **LIBRARY_CALLS,
}
"""By the names of functions; any other call costs 1."""

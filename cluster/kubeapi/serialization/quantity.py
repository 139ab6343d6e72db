"""A resource.Quantity: how much a text such as ``100m`` or ``1.5Gi`` says, and how the API writes that amount.

Follows k8s.io/apimachinery ``pkg/api/resource``: no fraction, the largest suffix that loses nothing, and the kind of
suffix that was given (``1024Mi`` is ``1Gi``, ``0.5`` is ``500m``, ``1000e3`` is ``1e6``, ``0.1Gi`` 107374182400m). Some
texts that look canonical to its parser stay as they are (``+3``, ``1E3``, ``1.234``).
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal, localcontext
from functools import lru_cache

QUANTITY = re.compile(r"(?!$)[+-]?[0-9]*\.?[0-9]*([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?")
"""Digits may be missing, unlike the documentation says: ``Gi``, ``m`` and ``-`` are 0 to ParseQuantity."""

_PARTS = re.compile(r"^[+-]?([0-9]*)\.?([0-9]*)(.*)$")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SUFFIXES = {
    **{suffix: Decimal(1000) ** (power - 3) for power, suffix in enumerate(_DECIMAL)},
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(_BINARY) if suffix},
}
_MILLI = Decimal("0.001")
_LARGEST = Decimal(2**63 - 1)
_FAST_DIGITS = 18
"""Digits that surely fit into 64 bits (maxInt64Factors)."""
_DIGITS = 400
"""More than any well-formed quantity has: its exponent has at most three digits."""


@lru_cache(1024)
def amount_of(quantity: str) -> Decimal:
    """Return a well-formed quantity as a number."""
    number = quantity.rstrip("KMGTPEikmun")
    if not any(map(str.isdigit, re.split("[eE]", number, maxsplit=1)[0])):
        return Decimal(0)
    with localcontext(prec=_DIGITS):
        return Decimal(number) * _SUFFIXES[quantity[len(number) :]]


@lru_cache(1024)
def canonical(quantity: str) -> str:
    """Return a well-formed quantity as the API writes it in a list of resources: thousandths are rounded up."""
    with localcontext(prec=_DIGITS):
        amount = amount_of(quantity)
        if amount and _is_kept(quantity):
            return quantity
        return written(amount, quantity)


def sum_of(one: str, other: str) -> str:
    """Return the sum of two quantities with the suffix of the first that is not 0 (Quantity.Add)."""
    with localcontext(prec=_DIGITS):
        first = amount_of(one)
        return written(first + amount_of(other), one if first else other)


def difference_of(one: str, other: str) -> str:
    """Return what one quantity is more than another, with the suffix of the first that is not 0 (Quantity.Sub)."""
    with localcontext(prec=_DIGITS):
        first = amount_of(one)
        return written(first - amount_of(other), one if first else other)


def written(amount: Decimal, like: str) -> str:
    """Return an amount as the API writes it, with the kind of suffix that the quantity ``like`` has."""
    with localcontext(prec=_DIGITS):
        if amount % _MILLI:
            amount = amount.quantize(_MILLI, ROUND_UP)
        if not amount:
            return "0"
        is_binary = like.endswith("i")
        if is_binary:
            amount = min(max(amount, -_LARGEST), _LARGEST)
        if is_binary and abs(amount) >= 1024 and amount % 1 == 0:
            return _binary(int(amount))
        return _decimal(amount, is_exponent=not is_binary and ("e" in like or "E" in like[:-1]))


def is_fraction(quantity: str) -> bool:
    """Tell whether ParseQuantity keeps a well-formed quantity as no whole number of 64 bits, even if it is one."""
    [(whole, fraction, suffix)] = _PARTS.findall(quantity)
    if suffix.endswith("i"):
        return bool(fraction)
    return _exponent(suffix) < len(fraction) or len(whole.lstrip("0") + fraction) > _FAST_DIGITS


def _exponent(suffix: str) -> int:
    return int(suffix[1:]) if suffix[1:] else 3 * (_DECIMAL.index(suffix) - 3)


def _is_kept(quantity: str) -> bool:
    """Tell whether ParseQuantity takes the text for canonical, and so keeps it."""
    [(whole, fraction, suffix)] = _PARTS.findall(quantity)
    whole = whole.lstrip("0") or "0"
    digits = whole + fraction
    if suffix.endswith("i"):
        power = 10 * _BINARY.index(suffix)
        room = 15 - len(whole) - int(power * 3 / 10) - 1
        return not fraction and room >= 0 and int(whole) & 7 != 0 and int(whole) << power < 2**63
    scale = _exponent(suffix) - len(fraction)
    is_short = len(digits) <= _FAST_DIGITS and scale >= -3
    return is_short and scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _binary(amount: int) -> str:
    power = 0
    while amount % 1024 == 0 and power < len(_BINARY) - 1:
        amount, power = amount // 1024, power + 1
    return f"{amount}{_BINARY[power]}"


def _decimal(amount: Decimal, *, is_exponent: bool) -> str:
    power = -3
    scaled = amount * 10**9
    while scaled % 1000 == 0 and power < len(_DECIMAL) - 4:
        scaled, power = scaled / 1000, power + 1
    if is_exponent:
        return f"{int(scaled)}e{power * 3}" if power else str(int(scaled))
    return f"{int(scaled)}{_DECIMAL[power + 3]}"

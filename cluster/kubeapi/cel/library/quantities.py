"""Quantities of resources (apiserver ``library/quantity.go``). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from kubeapi.cel.declarations import Function, define, type_named
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.types import Type
from kubeapi.cel.values import MAX_INT, MIN_INT
from kubeapi.serialization.quantity import QUANTITY, amount_of, is_fraction

_FAULT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An amount."""

    amount: Decimal
    is_fraction: bool = field(default=False, compare=False)
    """Whether Go has it with a negative exponent or in more than 64 bits: asInteger then tells no integer.

    So 1000m and 1.0 are none, though they equal 1, and neither is a sum with one of them (Quantity.AsInt64).
    """
    cel_type: ClassVar[Type] = type_named("quantity")


def _read(text: str) -> Quantity:
    if not QUANTITY.fullmatch(text):
        raise EvaluationError(_FAULT)
    return Quantity(amount_of(text), is_fraction(text))


def _whole(quantity: Quantity) -> int:
    if not _is_whole(quantity):
        raise EvaluationError("cannot convert value to integer")
    return int(quantity.amount)


def _is_whole(quantity: Quantity) -> bool:
    amount = quantity.amount
    return not quantity.is_fraction and amount == amount.to_integral_value() and MIN_INT <= amount <= MAX_INT


def _amount(value: Quantity | int) -> Decimal:
    return value.amount if isinstance(value, Quantity) else Decimal(value)


def _of(amount: Decimal, one: Quantity, other: Quantity | int) -> Quantity:
    return Quantity(amount, one.is_fraction or (isinstance(other, Quantity) and other.is_fraction))


QUANTITIES: tuple[Function, ...] = (
    define("quantity", "(string) quantity", _read),
    define("isQuantity", "(string) bool", lambda text: QUANTITY.fullmatch(text) is not None),
    define("sign", "(quantity) int", lambda one: (one.amount > 0) - (one.amount < 0)),
    define("isGreaterThan", "quantity.(quantity) bool", lambda one, other: one > other),
    define("isLessThan", "quantity.(quantity) bool", lambda one, other: one < other),
    define("compareTo", "quantity.(quantity) int", lambda one, other: (one > other) - (one < other)),
    define("asApproximateFloat", "quantity.() double", lambda one: float(one.amount)),
    define("asInteger", "quantity.() int", _whole),
    define("isInteger", "quantity.() bool", _is_whole),
    define(
        "add",
        "quantity.(quantity) quantity | quantity.(int) quantity",
        lambda one, other: _of(one.amount + _amount(other), one, other),
    ),
    define(
        "sub",
        "quantity.(quantity) quantity | quantity.(int) quantity",
        lambda one, other: _of(one.amount - _amount(other), one, other),
    ),
)

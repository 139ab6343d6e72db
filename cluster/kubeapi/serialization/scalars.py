"""Why a value is none of the scalars that Go's types read themselves: quantities, times, base64, IntOrString."""

from __future__ import annotations

import base64
import re
from typing import Any

from kubeapi.serialization.gojson import go_kind
from kubeapi.serialization.gotime import LAYOUTS, canonical_time
from kubeapi.serialization.quantity import QUANTITY

_GROUPS = re.compile(rb"[\r\n]*(?:(?:[A-Za-z0-9+/][\r\n]*){4})*")
_PARTIAL = re.compile(rb"(?:[A-Za-z0-9+/][\r\n]*){0,3}")
_LINE_BREAKS = re.compile(rb"[\r\n]*")
_QUANTITY_FAULT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def scalar_fault(kind: str, value: Any) -> str:
    """Return the fault of a value of a schema's kind (Quantity, IntOrString, Time, MicroTime, byte), "" for none."""
    is_number = type(value) in (int, float)
    if kind == "Quantity":
        return "" if (is_number or type(value) is str) and QUANTITY.fullmatch(str(value)) else _QUANTITY_FAULT
    if kind == "IntOrString":
        if type(value) is str or (type(value) is int and -(2**31) <= value < 2**31):
            return ""
        return f"json: cannot unmarshal {go_kind(value)} into Go value of type int32"
    if type(value) is not str:
        return f"json: cannot unmarshal {go_kind(value)} into Go value of type string"
    return base64_fault(value) if kind == "byte" else _time_fault(value, LAYOUTS[kind])


def base64_fault(text: str) -> str:
    """Return the fault of a text as Go's decoder tells it, "" for good base64; line breaks may be anywhere."""
    at = _fault_at(text.encode(errors="replace"))
    return "" if at is None else f"illegal base64 data at input byte {at}"


def canonical_base64(text: str) -> str:
    """Return good base64 as Go writes it: without line breaks."""
    return base64.b64encode(base64.b64decode(text)).decode()


def _fault_at(data: bytes) -> int | None:
    """Return the position that Go gives in its CorruptInputError, None for good base64."""
    partial = _PARTIAL.match(data, _end(_GROUPS, data, 0))
    assert partial is not None  # it matches the empty text
    letters, at = len(_LINE_BREAKS.sub(b"", partial[0])), partial.end()
    if at == len(data):
        return at - letters if letters else None
    if data[at : at + 1] != b"=" or letters < 2:
        return at
    at = _end(_LINE_BREAKS, data, at + 1)
    if letters == 2:
        if at == len(data):
            return at
        if data[at : at + 1] != b"=":
            return at - 1
        at = _end(_LINE_BREAKS, data, at + 1)
    return at if at < len(data) else None


def _end(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    found = pattern.match(data, start)
    return found.end() if found else start


def _time_fault(value: str, layout: str) -> str:
    try:
        canonical_time(value, layout)
    except ValueError as error:
        return str(error)
    return ""

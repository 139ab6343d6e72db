"""Decode objects in protobuf, which kubectl's typed commands (since 1.32) and client-go's clients send. Pure.

Answers may always be JSON, so there is no encoder. Follows apimachinery ``runtime/serializer/protobuf`` for the
envelope, with one difference: an unknown field number is an error, where Go would silently drop the field. The work
is linear in the size of the body; the depth of recursion is that of the types.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from struct import unpack
from typing import Any

from kubeapi.meta import JSON
from kubeapi.serialization.gojson import read_json
from kubeapiserver.gotypes import UNIONS, GoField, fields_of, struct_for, united
from kubeapiserver.protobuf.wireformat import BYTES, FIXED64, VARINT, check_wire, go_name, parts, signed, text

_MAGIC = b"k8s\x00"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO_TIME = -62135596800
"""Seconds of Go's zero time, 0001-01-01T00:00:00Z."""
_WIRES = {"boolean": VARINT, "int32": VARINT, "int64": VARINT, "double": FIXED64}
_EMPTY = (0, 0)

Bounds = tuple[int, int]


def decode(body: bytes) -> JSON:
    """Return the object in a protobuf body as JSON; ValueError with Go's message if it is malformed."""
    if not body.startswith(_MAGIC):
        expected = " ".join(map(str, _MAGIC))
        raise ValueError(f"provided data does not appear to be a protobuf message, expected prefix [{expected}]")
    envelope = dict(_known(body, (len(_MAGIC), len(body)), "Unknown", (BYTES,) * 4))
    type_meta = dict(_known(body, envelope.get(1, _EMPTY), "TypeMeta", (BYTES, BYTES)))
    api_version, kind = (text(body, type_meta.get(number, _EMPTY)) for number in (1, 2))
    encoding = text(body, envelope.get(3, _EMPTY))
    if encoding:
        raise ValueError(f'unsupported content encoding "{encoding}"')
    for field, value in (("Kind", kind), ("apiVersion", api_version)):
        if not value:
            raise ValueError(f"Object '{field}' is missing in the protobuf envelope")
    struct = struct_for(api_version, kind)
    if struct is None:
        scheme = "pkg/api/legacyscheme/scheme.go:30"
        raise ValueError(f'no kind "{kind}" is registered for version "{api_version}" in scheme "{scheme}"')
    return {"kind": kind, "apiVersion": api_version, **_read_struct(body, struct, envelope.get(2, _EMPTY), {})}


def _read_struct(body: bytes, name: str, bounds: Bounds, result: JSON) -> JSON:
    """Read a struct into ``result``, which may have an earlier part of the same struct, and return it."""
    fields = fields_of(name)
    for number, wire, value in parts(body, *bounds, name):
        field = fields.get(number)
        if field is None:
            raise ValueError(f"unknown field number {number} in {go_name(name)}")
        wanted = BYTES if field.shape == "map" else _WIRES.get(field.type, BYTES)
        check_wire(wire, wanted, field.name or field.type)
        if field.shape == "list":
            result.setdefault(field.name, []).append(_read_value(body, field, value))
        elif field.shape == "map":
            _read_entry(body, field, value, result.setdefault(field.name, {}))
        elif field.type in UNIONS:
            result[field.name] = _read_value(body, field, value)
        elif field.is_struct:
            inner = result.setdefault(field.name, {}) if field.name else result
            _read_struct(body, field.type, value, inner)
        else:
            _put(field, _read_value(body, field, value), result)
    return result


def _read_value(body: bytes, field: GoField, value: Any) -> Any:
    if field.is_struct:
        read = _read_struct(body, field.type, value, {})
        return united(read) if field.type in UNIONS else read
    return _SCALARS[field.type](body, value)


def _read_entry(body: bytes, field: GoField, bounds: Bounds, entries: JSON) -> None:
    """Read one entry of a map; a missing key or value is empty."""
    entry = dict(_known(body, bounds, field.name, (BYTES, BYTES)))
    entries[text(body, entry.get(1, _EMPTY))] = _read_value(body, field, entry.get(2, _EMPTY))


def _put(field: GoField, value: Any, result: JSON) -> None:
    """Set a scalar as Go's JSON has it: an empty one is omitted unless it is a pointer or has no omitempty."""
    is_empty = value is False or value in ("", 0)
    if is_empty and field.is_omitted_when_empty and not field.is_pointer and field.type != "IntOrString":
        result.pop(field.name, None)
    else:
        result[field.name] = value


def _known(body: bytes, bounds: Bounds, name: str, wires: tuple[int, ...]) -> Iterator[tuple[int, Any]]:
    """Yield number and value of a message's fields; ``wires`` are the wire types of its fields 1, 2 ..."""
    for number, wire, value in parts(body, *bounds, name):
        if number > len(wires):
            raise ValueError(f"unknown field number {number} in {go_name(name)}")
        check_wire(wire, wires[number - 1], name)
        yield number, value


def _quantity(body: bytes, bounds: Bounds) -> str:
    return text(body, dict(_known(body, bounds, "Quantity", (BYTES,))).get(1, _EMPTY)) or "0"


def _int_or_string(body: bytes, bounds: Bounds) -> int | str:
    fields = dict(_known(body, bounds, "IntOrString", (VARINT, VARINT, BYTES)))
    return text(body, fields.get(3, _EMPTY)) if fields.get(1) == 1 else signed(fields.get(2, 0), 32)


def _time(body: bytes, bounds: Bounds) -> str | None:
    moment = _moment(body, bounds)
    return None if moment is None else _written(moment, "seconds")


def _micro_time(body: bytes, bounds: Bounds) -> str | None:
    moment = _moment(body, bounds)
    return None if moment is None else _written(moment, "microseconds")


def _written(moment: datetime, unit: str) -> str:
    # Not by strftime, which writes the first years without their zeros.
    return f"{moment.replace(tzinfo=None).isoformat(timespec=unit)}Z"


def _moment(body: bytes, bounds: Bounds) -> datetime | None:
    """Return seconds and nanoseconds since 1970 as a moment, None for the zero time."""
    fields = dict(_known(body, bounds, "Time", (VARINT, VARINT)))
    seconds = signed(fields.get(1, 0), 64)
    if not fields or seconds == _ZERO_TIME:
        return None
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=signed(fields.get(2, 0), 32) // 1000)
    except OverflowError:
        raise ValueError("Time.MarshalJSON: year outside of range [0,9999]") from None


def _fields_v1(body: bytes, bounds: Bounds) -> Any:
    raw = dict(_known(body, bounds, "FieldsV1", (BYTES,))).get(1, _EMPTY)
    return read_json(body[slice(*raw)])


def _strings(body: bytes, bounds: Bounds) -> list[str]:
    """Return a list of texts that is the value of a map, as that of a user's extra fields."""
    return [text(body, each) for _, each in _known(body, bounds, "strings", (BYTES,))]


_SCALARS: dict[str, Callable[[bytes, Any], Any]] = {
    "string": text,
    "boolean": lambda _, value: value != 0,
    "int32": lambda _, value: signed(value, 32),
    "int64": lambda _, value: signed(value, 64),
    "double": lambda body, bounds: unpack("<d", body[slice(*bounds)])[0],
    "byte": lambda body, bounds: base64.b64encode(body[slice(*bounds)]).decode(),
    "Quantity": _quantity,
    "Time": _time,
    "MicroTime": _micro_time,
    "IntOrString": _int_or_string,
    "any": _fields_v1,
    "[]string": _strings,
}

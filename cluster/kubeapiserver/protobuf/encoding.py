"""Encode objects in protobuf, for clients that accept nothing else. Pure.

Follows apimachinery ``runtime/serializer/protobuf``: an envelope around the object, and a watch as frames of a length
and a WatchEvent. Fields that JSON does not have are left out, as a decoder cannot tell them from empty ones.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from struct import pack
from typing import Any

from kubeapi.meta import JSON, parse_time
from kubeapiserver.gotypes import UNIONS, GoField, fields_of, struct_for
from kubeapiserver.protobuf.wireformat import FIXED64, message, varint

_MAGIC = b"k8s\x00"
_LIST, _LIST_META = "List", "apis.meta.v1.ListMeta"


def encode(document: JSON) -> bytes | None:
    """Return an object, or a list of objects, in protobuf; None for a kind that has no form there."""
    api_version, kind = str(document.get("apiVersion", "")), str(document.get("kind", ""))
    struct = struct_for(api_version, kind)
    if struct is not None:
        raw = _struct(struct, document)
    elif kind.endswith(_LIST) and (item := struct_for(api_version, kind.removesuffix(_LIST))) is not None:
        items = b"".join(message(2, _struct(item, each)) for each in document.get("items", ()))
        raw = message(1, _struct(_LIST_META, document.get("metadata", {}))) + items
    else:
        return None
    type_meta = _text(1, api_version) + _text(2, kind)
    return _MAGIC + message(1, type_meta) + message(2, raw) + _text(3, "") + _text(4, "")


def encode_event(event: JSON) -> bytes:
    """Return an event of a watch as a frame; ValueError for an object that has no form in protobuf."""
    inner = encode(event["object"])
    if inner is None:
        raise ValueError(f"there is no protobuf of {event['object'].get('kind')}")
    frame = _text(1, event["type"]) + message(2, message(1, inner))
    return pack(">I", len(frame)) + frame


def _struct(name: str, value: Any) -> bytes:
    """Return the fields of a struct; one that writes itself as its only field is given that field's value."""
    return b"".join(_fields(name, value))


def _fields(name: str, value: Any) -> Iterator[bytes]:
    if name in UNIONS:
        value = _divided(value)
    for number, field in fields_of(name).items():
        if not field.name:
            inner = value if isinstance(value, list) or field.is_struct else None
        else:
            inner = value.get(field.name) if isinstance(value, dict) else None
        if inner is None:
            continue
        if not field.name and field.is_struct:
            yield message(number, _struct(field.type, inner))
        elif field.shape == "list":
            yield from (_value(number, field, each) for each in inner)
        elif field.shape == "map":
            yield from (message(number, _text(1, key) + _value(2, field, each)) for key, each in inner.items())
        else:
            yield _value(number, field, inner)


def _divided(value: Any) -> JSON:
    """Return the fields in Go of a union of apiextensions."""
    match value:
        case bool():
            return {"allows": value}
        case list():
            return {"property" if value and isinstance(value[0], str) else "jSONSchemas": value}
    return {"schema": value, "allows": True}


def _value(number: int, field: GoField, value: Any) -> bytes:
    if field.is_struct:
        return message(number, _struct(field.type, value))
    return _SCALARS[field.type](number, value)


def _text(number: int, text: Any) -> bytes:
    return message(number, str(text).encode())


def _integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(int(value) & (1 << 64) - 1)


def _time(number: int, text: str) -> bytes:
    whole, _, fraction = text.partition(".")
    digits = fraction.rstrip("Z").partition("+")[0].partition("-")[0]
    nanos = int(f"{digits:0<9}"[:9]) if digits else 0
    seconds = int(parse_time(whole if whole.endswith("Z") or not fraction else f"{whole}Z"))
    return message(number, _integer(1, seconds) + _integer(2, nanos))


def _int_or_string(number: int, value: int | str) -> bytes:
    if isinstance(value, str):
        return message(number, _integer(1, 1) + _integer(2, 0) + _text(3, value))
    return message(number, _integer(1, 0) + _integer(2, value) + _text(3, ""))


def _raw(number: int, value: Any) -> bytes:
    return message(number, _text(1, json.dumps(value, separators=(",", ":"), ensure_ascii=False)))


_SCALARS: dict[str, Callable[[int, Any], bytes]] = {
    "string": _text,
    "boolean": lambda number, value: _integer(number, bool(value)),
    "int32": _integer,
    "int64": _integer,
    "double": lambda number, value: varint(number << 3 | FIXED64) + pack("<d", value),
    "byte": lambda number, value: message(number, base64.b64decode(value)),
    "Quantity": lambda number, value: message(number, _text(1, value)),
    "Time": _time,
    "MicroTime": _time,
    "IntOrString": _int_or_string,
    "any": _raw,
}

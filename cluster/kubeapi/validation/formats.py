"""Formats of strings in the schemas of custom resources (k8s.io/kube-openapi ``pkg/validation/strfmt``). Pure.

A format that is not here is ignored, as in a cluster; the CustomResourceDefinition's writer is warned of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from urllib.parse import urlsplit

from kubeapi.serialization.scalars import base64_fault
from kubeapi.validation.addresses import is_cidr, parse_address
from kubeapi.validation.names import dns1123_label, dns1123_subdomain

_HEX = "[0-9a-fA-F]"
_DURATION = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w|[a-z]+)"
    r"((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*|0",
    re.ASCII,
)
_HOSTNAME = re.compile(r"([a-zA-Z0-9\u00a1-\uffff]([a-zA-Z0-9\u00a1-\uffff-]{0,62})\.?)+")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


def _regex(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return text.startswith("/") or bool(parts.scheme and text.isprintable() and " " not in text)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_datetime(text: str) -> bool:
    if _DATETIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text.upper().replace(" ", "T"))
    except ValueError:
        return False
    return True


def _is_address(version: int) -> Callable[[str], bool]:
    def matches(text: str) -> bool:
        address = parse_address(text)
        return address is not None and address.version == version

    return matches


_UUID = "{0}{{8}}-?{0}{{4}}-?{1}{0}{{3}}-?{2}{0}{{3}}-?{0}{{12}}"
_FORMATS: dict[str, Callable[[str], bool]] = {
    "uri": _is_uri,
    "email": _regex(r"[^\s@<>]+@[^\s@<>]+|.*<[^\s@<>]+@[^\s@<>]+>"),
    "hostname": lambda text: len(text) <= 255 and _HOSTNAME.fullmatch(text) is not None,
    "ipv4": _is_address(4),
    "ipv6": _is_address(6),
    "cidr": is_cidr,
    "mac": _regex(f"{_HEX}{{2}}([:-]{_HEX}{{2}}){{5}}|({_HEX}{{4}}\\.){{2}}{_HEX}{{4}}|{_HEX}{{2}}(:{_HEX}{{2}}){{7}}"),
    "uuid": _regex(_UUID.format(_HEX, _HEX, _HEX)),
    "uuid3": _regex(_UUID.format(_HEX, "3", _HEX)),
    "uuid4": _regex(_UUID.format(_HEX, "4", "[89abAB]")),
    "uuid5": _regex(_UUID.format(_HEX, "5", "[89abAB]")),
    "bsonobjectid": _regex(f"{_HEX}{{24}}"),
    "isbn": _regex(r"(?:\d[ -]?){9}[\dX]|(?:\d[ -]?){13}"),
    "isbn10": _regex(r"(?:\d[ -]?){9}[\dX]"),
    "isbn13": _regex(r"(?:\d[ -]?){13}"),
    "creditcard": _regex(r"(?:\D*\d){13,16}\D*"),
    "ssn": _regex(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _regex(f"#?({_HEX}{{3}}|{_HEX}{{6}})"),
    "rgbcolor": _regex(r"rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)"),
    "byte": lambda text: not base64_fault(text),
    "password": lambda text: True,
    "date": _is_date,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "datetime": _is_datetime,
    "k8sshortname": lambda text: not dns1123_label(text),
    "k8slongname": lambda text: not dns1123_subdomain(text),
}
NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def _normalized(name: str) -> str:
    return name.replace("-", "")


def format_fault(name: str, text: str) -> bool:
    """Tell whether a text has not the format of a name."""
    known = _FORMATS.get(_normalized(name))
    return known is not None and not known(text)


def is_known(name: str, json_type: str) -> bool:
    """Tell whether a format is checked for a type of a schema, "" for any."""
    if json_type in NUMBERS:
        return name in NUMBERS[json_type]
    return json_type in ("", "string") and _normalized(name) in _FORMATS

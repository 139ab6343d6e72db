"""Named formats of strings (apiserver ``library/format.go``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from kubeapi.cel.declarations import Function, define, type_named
from kubeapi.cel.library.optionals import some
from kubeapi.cel.types import Type
from kubeapi.cel.values import NOTHING, Optional
from kubeapi.validation.formats import format_fault
from kubeapi.validation.names import dns1035_label, dns1123_label, dns1123_subdomain, label_value, qualified_name


@dataclass(frozen=True, slots=True)
class Format:
    """A format, and what finds the faults of a text."""

    name: str
    faults: Callable[[str], Sequence[str]]
    cel_type: ClassVar[Type] = type_named("format")


def _of_schemas(name: str, detail: str) -> Callable[[str], Sequence[str]]:
    return lambda text: (detail,) if format_fault(name, text) else ()


def _prefix(validate: Callable[[str], Sequence[str]]) -> Callable[[str], Sequence[str]]:
    """Return the rule for a prefix of a name, which may end with a hyphen."""
    return lambda text: validate(f"{text[:-1]}a" if text.endswith("-") else text)


def _uri_faults(text: str) -> Sequence[str]:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        return (f'parse "{text}": {error}',)
    if not text:
        return ('parse "": empty url',)
    return () if parts.scheme or text.startswith("/") else (f'parse "{text}": invalid URI for request',)


_FORMATS = {
    each.name: each
    for each in (
        Format("dns1123Label", dns1123_label),
        Format("dns1123Subdomain", dns1123_subdomain),
        Format("dns1035Label", dns1035_label),
        Format("qualifiedName", qualified_name),
        Format("dns1123LabelPrefix", _prefix(dns1123_label)),
        Format("dns1123SubdomainPrefix", _prefix(dns1123_subdomain)),
        Format("dns1035LabelPrefix", _prefix(dns1035_label)),
        Format("labelValue", label_value),
        Format("uri", _uri_faults),
        Format("uuid", _of_schemas("uuid", "does not match the UUID format")),
        Format("byte", _of_schemas("byte", "invalid base64")),
        Format("date", _of_schemas("date", "invalid date")),
        Format("datetime", _of_schemas("datetime", "invalid datetime")),
    )
}


def _named(name: str) -> Optional:
    return some(_FORMATS[name]) if name in _FORMATS else NOTHING


def _validate(of: Format, text: str) -> Optional:
    faults = list(of.faults(text))
    return some(faults) if faults else NOTHING


def _constant(of: Format) -> Callable[[], Format]:
    return lambda: of


FORMATS: tuple[Function, ...] = (
    define("format.named", "(string) optional(format)", _named),
    define("validate", "format.(string) optional(list(string))", _validate),
    *(define(f"format.{each.name}", "() format", _constant(each)) for each in _FORMATS.values()),
)

JSON_PATCH: tuple[Function, ...] = (
    define("jsonpatch.escapeKey", "(string) string", lambda key: key.replace("~", "~0").replace("/", "~1")),
)
"""What only expressions have that make JSON patches (apiserver ``library/jsonpatch.go``)."""

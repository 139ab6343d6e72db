"""What form of an answer a client accepts: the object itself, a Table, or its metadata alone. Pure.

Answers are JSON; a client that also names protobuf gets JSON (RFC 9110 12.5.1). Follows apiserver
``pkg/endpoints/handlers/negotiation`` and ``handlers/response.go``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kubeapiserver.exchange import Response
from kubeapiserver.statuses import text_response

_JSON_RANGES = frozenset(("application/json", "application/*", "*/*"))
_AS = {"": "Object", "Table": "Table", "PartialObjectMetadata": "Partial", "PartialObjectMetadataList": "Partial"}
_META_GROUP = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")


class Form(NamedTuple):
    """The form of an answer. ``version`` is that of meta.k8s.io for all but whole objects."""

    shape: Literal["Object", "Table", "Partial"]
    version: str = "v1"


OBJECT = Form("Object")


class MediaRange(NamedTuple):
    """One part of an Accept header."""

    type: str
    parameters: dict[str, str]
    quality: float


def media_ranges(accept: str) -> list[MediaRange]:
    """Return the parts of an Accept header, the ones that the client likes best first."""
    return sorted((_read_range(part) for part in accept.split(",") if part.strip()), key=lambda each: -each.quality)


def _read_range(part: str) -> MediaRange:
    name, *rest = (each.strip() for each in part.split(";"))
    parameters = dict(each.partition("=")[::2] for each in rest)
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return MediaRange(name.lower(), parameters, quality)


def negotiate(accept: str) -> Form | None:
    """Return the form that suits a client, None if it takes nothing that we have; no header is JSON."""
    if not accept.strip():
        return OBJECT
    for each in media_ranges(accept):
        if each.type in _JSON_RANGES and (form := _form(each.parameters)) is not None:
            return form
    return None


def _form(parameters: dict[str, str]) -> Form | None:
    """Return the form that a media range's ``as`` asks for, None if nobody knows it."""
    match _AS.get(parameters.get("as", "")):
        case "Object":
            return OBJECT
        case "Table" | "Partial" as shape:
            version = parameters.get("v", "")
            if parameters.get("g") == _META_GROUP and version in _META_VERSIONS:
                return Form("Table" if shape == "Table" else "Partial", version)
    return None


def not_acceptable() -> Response:
    """Return go-restful's answer to an Accept header that nothing satisfies."""
    return text_response(406, "406: Not Acceptable\n\nAvailable representations: application/json")

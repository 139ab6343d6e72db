"""The form of an answer that a client accepts: the object, a Table, or its metadata alone. Pure.

Answers are JSON or YAML; a client that accepts protobuf gets that only if it accepts neither. Follows apiserver
``pkg/endpoints/handlers/negotiation`` and ``handlers/response.go``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from kubeapiserver.messages import JSON_TYPE, OBJECT, PROTOBUF_TYPE, YAML_TYPE, Form, Request

_RANGES = {JSON_TYPE: JSON_TYPE, "application/*": JSON_TYPE, "*/*": JSON_TYPE, YAML_TYPE: YAML_TYPE}
"""The media type of the answer for each media range."""

_AS = {"": "Object", "Table": "Table", "PartialObjectMetadata": "Partial", "PartialObjectMetadataList": "Partial"}
_META_GROUP = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")

_PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")
"""How the User-Agent of programs begins that show answers to people."""

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""True to strconv.ParseBool."""


class MediaRange(NamedTuple):
    """One part of an Accept header."""

    type: str
    parameters: dict[str, str]
    quality: float


def media_ranges(accept: str) -> list[MediaRange]:
    """Return the parts of an Accept header, by descending quality."""
    return sorted((_read_range(part) for part in accept.split(",") if part.strip()), key=lambda each: -each.quality)


def _read_range(part: str) -> MediaRange:
    name, *rest = (each.strip() for each in part.split(";"))
    parameters = dict(each.partition("=")[::2] for each in rest)
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return MediaRange(name.lower(), parameters, quality)


@lru_cache(maxsize=64)  # clients send the same few headers again and again
def negotiate(accept: str, *, has_tables: bool = True, has_protobuf: bool = True) -> Form | None:
    """Return the first form that the client accepts, None if it accepts none; without a header that is JSON."""
    if not accept.strip():
        return OBJECT
    for each in media_ranges(accept):
        media, form = _RANGES.get(each.type), _form(each.parameters)
        if media is not None and form is not None and (has_tables or form.shape != "Table"):
            return form._replace(media=media)
    packed = [_form(each.parameters) for each in media_ranges(accept) if each.type == PROTOBUF_TYPE]
    found = next((each for each in packed if each is not None and each.shape != "Table"), None)
    return found._replace(media=PROTOBUF_TYPE) if found is not None and has_protobuf else None


@lru_cache(maxsize=64)
def preferred_media(accept: str) -> str:
    """Return the media type of answers that the client prefers, whatever the form; JSON by default."""
    if YAML_TYPE not in accept and PROTOBUF_TYPE not in accept:
        return JSON_TYPE
    types = [each.type for each in media_ranges(accept)]
    otherwise = PROTOBUF_TYPE if PROTOBUF_TYPE in types else JSON_TYPE
    return next((_RANGES[each] for each in types if each in _RANGES), otherwise)


def _form(parameters: dict[str, str]) -> Form | None:
    """Return the form of a media range's ``as`` parameter, None if it is unknown."""
    match _AS.get(parameters.get("as", "")):
        case "Object":
            return OBJECT
        case "Table" | "Partial" as shape:
            version = parameters.get("v", "")
            if parameters.get("g") == _META_GROUP and version in _META_VERSIONS:
                return Form("Table" if shape == "Table" else "Partial", version)
    return None


def is_pretty(request: Request) -> bool:
    """Tell whether to indent an answer: if the query asks for it, or a person seems to read it (isPrettyPrint)."""
    if asked := request.get("pretty"):
        return asked in _TRUE
    return request.headers.get("user-agent", "").startswith(_PRETTY_AGENTS)


def is_known(accept: str) -> bool:
    """Tell whether an Accept header has a media type of answers, in whatever form."""
    return any(each.type in _RANGES or each.type == PROTOBUF_TYPE for each in media_ranges(accept))

"""From a request's bytes to JSON, whatever the media type, or the words of refusal. Pure.

JSON is read here; YAML and protobuf by decoders that are passed in. Messages follow apimachinery
``pkg/runtime/serializer`` and Go's encoding/json.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kubeapi.meta import JSON
from kubeapi.scheme import Resource, resource_for
from kubeapi.strict import json_object
from kubeapiserver.errors import BODY_LIMIT, BadInput, TooLarge, UnsupportedMedia
from kubeapiserver.messages import JSON_TYPE, Request

Decoder = Callable[[bytes], Any]
"""Reads a body of one media type; raises ValueError with the reason why it cannot."""

MAX_DEPTH = 200
"""Levels of nesting in a body: no object has forty, and no recursion here may run out of stack."""

_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_GO_MESSAGES = {
    "Expecting value": "looking for beginning of value",
    "Expecting ',' delimiter": "after object key:value pair",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
}


def media_type(request: Request) -> str:
    """Return the body's media type without parameters; JSON when none is stated."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() or JSON_TYPE


def read_json(body: bytes) -> Any:
    """Return the JSON of a body, repeated keys noted; ValueError tells what is wrong as Go does."""
    check_depth(body)
    try:
        text = body.decode("utf-8-sig", "replace")
        value = json.loads(text, object_pairs_hook=json_object, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(_go_message(error)) from None
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    return _without_surrogates(value) if _SURROGATE.search(body) else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _finite(text: str) -> float:
    """Return a number, unless it is one that JSON could not say again."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return number


def check_depth(body: bytes) -> None:
    """Raise ValueError for a JSON body that is nested too deep."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKET.finditer(body):
        token = found[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise ValueError("exceeded max depth")


def _without_surrogates(value: Any) -> Any:
    """Return JSON whose strings can be written as UTF-8; what cannot is U+FFFD, as in Go."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    return json.loads(text.decode("utf-16-le", "replace"))


def _go_message(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    where = _GO_MESSAGES.get(error.msg, "looking for beginning of object key string")
    return f"invalid character '{error.doc[error.pos]}' {where}"


class Bodies:
    """Reads bodies; ``decoders`` are those of media types other than JSON."""

    def __init__(self, decoders: Mapping[str, Decoder]) -> None:
        self._decoders: dict[str, Decoder] = {**decoders, JSON_TYPE: read_json}

    def read_object(self, request: Request, resource: Resource) -> JSON:
        """Return the object that is sent to a resource; its kind, where it says one, is the resource's."""
        obj = self.read(request, f"must be of type {resource.kind}")
        check_kind(obj, resource.api_version, resource.kind)
        return obj

    def read(self, request: Request, expected: str) -> JSON:
        """Return a JSON object; ``expected`` tells in an error message what it should have been."""
        value = self.read_value(request, media_type(request), expected)
        if not isinstance(value, dict):
            raise BadInput(
                "couldn't get version/kind; json parse error: json: cannot unmarshal"
                f" {'array' if isinstance(value, list) else 'value'} into Go value of type struct"
                ' { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
            )
        return value

    def read_value(self, request: Request, media: str, expected: str) -> Any:
        """Return whatever a body of a media type holds."""
        try:
            return self.decoded(request, media)
        except ValueError as error:
            detail = f"couldn't get version/kind; json parse error: {error}"
            raise BadInput(f"the object provided is unrecognized ({expected}): {detail}") from None

    def decoded(self, request: Request, media: str) -> Any:
        """Return whatever a body of a media type holds; ValueError if it cannot be read."""
        decoder = self._decoders.get(media)
        if decoder is None:
            raise UnsupportedMedia
        if len(request.body) > BODY_LIMIT:
            raise TooLarge
        return decoder(request.body)


def check_kind(obj: JSON, api_version: str, kind: str) -> None:
    """Refuse an object that says to be of another kind than the one that the path wants."""
    stated_version, stated_kind = obj.get("apiVersion") or api_version, obj.get("kind") or kind
    if (stated_version, stated_kind) == (api_version, kind):
        return
    version = str(stated_version).rpartition("/")[2]
    what = f'{stated_kind} in version "{version}" cannot be handled as a {kind}'
    if isinstance(stated_version, str) and isinstance(stated_kind, str) and resource_for(stated_version, stated_kind):
        package = api_version.partition("/")[0].partition(".")[0] if "/" in api_version else "core"
        detail = f"converting ({version}.{stated_kind}) to ({package}.{kind}): unknown conversion"
    elif stated_kind == kind:
        raise BadInput(
            f"the API version in the data ({stated_version}) does not match the expected API version ({api_version})"
        )
    else:
        scheme = "pkg/api/legacyscheme/scheme.go:30"
        detail = f'no kind "{stated_kind}" is registered for version "{stated_version}" in scheme "{scheme}"'
    raise BadInput(f"{what}: {detail}")

"""Patches: read from requests, and applied to objects. Pure. Follows apiserver ``pkg/endpoints/handlers/patch.go``."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from kubeapi.customresources.decoding import decode_object
from kubeapi.customresources.resource import CustomResource
from kubeapi.meta import JSON
from kubeapi.patch import jsonpatch, merge
from kubeapi.patch.items import StrategicPatchError, go_map
from kubeapi.patch.strategic import strategic_merge
from kubeapi.schema import Struct, struct_of
from kubeapi.serialization.gojson import go_kind, read_json
from kubeapi.serialization.repetition import repeated_keys
from kubeapi.status import FieldError, Invalid, StatusError
from kubeapi.validation.faults import invalid
from kubeapiserver.errors import BODY_LIMIT, BadInput, InvalidInput, TooLarge, Unprocessable, UnsupportedMedia
from kubeapiserver.messages import Request
from kubeapiserver.requests.bodies import TypedBody, check_stated, with_reset
from kubeapiserver.requests.options import Validation
from kubeapiserver.requests.resource import ResourceRequest

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

_MISMATCH = re.compile(r"json: cannot unmarshal (\w+) ?(\S*) into Go struct field \S+ of type (\S+)")
_CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH, "application/apply-patch+yaml")
"""Patches of custom resources: their schemas do not say how a strategic merge would treat lists."""

_PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)


class Patch(NamedTuple):
    """A patch and its media type."""

    media: str
    value: Any

    def apply_to(self, document: JSON, known: Struct | None) -> JSON:
        """Return the patched document; ``known`` is its struct, which a strategic merge needs to merge lists."""
        if self.media == JSON_PATCH:
            patched = _json_patched(document, self.value)
        elif self.media == MERGE_PATCH:
            patched = merge(document, self.value)
        else:
            patched = _strategically_patched(document, self.value, known)
        if not isinstance(patched, dict):
            raise Unprocessable
        return patched

    def refusal(self, patched: JSON, detail: str) -> StatusError:
        """Return the error for an object that is malformed after the patch, quoted as the real server does."""
        is_strategic = self.media == STRATEGIC_PATCH
        text = go_map(self.value) if is_strategic else json.dumps(patched, separators=(",", ":"), ensure_ascii=False)
        return InvalidInput("", "", "", invalid("patch", text, detail))

    def type_fault(self, fault: FieldError) -> str:
        """Return the message for a value of the wrong type; a strategic merge has the one of converter.go."""
        found = _MISMATCH.fullmatch(fault.message) if self.media == STRATEGIC_PATCH else None
        return fault.message if found is None else _restore_fault(*found.groups())


def _json_patched(document: JSON, operations: Any) -> Any:
    if isinstance(operations, list) and len(operations) > jsonpatch.MAX_OPERATIONS:
        detail = f"The allowed maximum operations in a JSON patch is {jsonpatch.MAX_OPERATIONS}, got {len(operations)}"
        raise TooLarge(detail)
    try:
        return jsonpatch.apply(document, operations)
    except jsonpatch.MalformedPatchError as error:
        raise BadInput(f"error decoding patch: {error}") from None
    except jsonpatch.PatchConflictError:
        raise Unprocessable from None


def _strategically_patched(document: JSON, patch: JSON, known: Struct | None) -> JSON:
    try:
        return strategic_merge(document, patch, known)
    except StrategicPatchError as error:
        if error.code == 422:
            raise Unprocessable from None
        raise StatusError(error.code, "BadRequest" if error.code == 400 else "", str(error)) from None


def _restore_fault(value: str, digits: str, wanted: str) -> str:
    """Return the message of apimachinery's converter for a value of JSON type ``value`` and the Go type ``wanted``."""
    number = "float64" if "." in digits else "int64"
    value = {"object": "map", "array": "slice", "number": number}.get(value, value)
    if wanted.startswith("[]"):
        return f"cannot restore slice from {value}"
    if wanted.startswith("map["):
        return f"cannot restore map from {value}"
    if "." in wanted:
        return f"cannot restore struct from: {value}"
    is_convertible = value == number and wanted not in ("bool", "string" if value == "float64" else "")
    return f"cannot convert {value} to {wanted}" if is_convertible else f"unrecognized type: {wanted}"


def read_patch(request: Request) -> Patch | None:
    """Return the patch in a request, None if its media type is no patch's."""
    media = request.media_type
    if media not in _PATCHES:
        return None
    if len(request.body) > BODY_LIMIT:
        raise TooLarge
    try:
        value = read_json(request.body)
    except ValueError as error:
        # A number that no Go type holds is valid JSON all the same.
        is_json = str(error).startswith("json: ")
        raise BadInput(f"error decoding patch: {error}" if is_json else "invalid JSON patch") from None
    if value is None and media == MERGE_PATCH:
        raise BadInput("Invalid JSON Patch")
    if value is None:
        value = [] if media == JSON_PATCH else {}
    if media != JSON_PATCH and not isinstance(value, dict):
        context = "error decoding patch: " if media == MERGE_PATCH else ""
        kind = f"json: cannot unmarshal {go_kind(value)} into Go value of type map[string]interface {{}}"
        raise BadInput(f"{context}{kind}")
    return Patch(media, value)


def patched_object(request: ResourceRequest, stored: JSON, patch: Patch, validation: Validation) -> TypedBody:
    """Return the object that a patch makes of the stored one."""
    resource = request.resource
    if isinstance(resource, CustomResource) and patch.media == STRATEGIC_PATCH:
        raise UnsupportedMedia(_CUSTOM_PATCHES)
    patched = patch.apply_to(stored, None if isinstance(resource, CustomResource) else struct_of(resource))
    decoded = decode_object(resource, _without_stored_managers(patched, stored))
    if decoded.mistyped:
        raise patch.refusal(patched, patch.type_fault(decoded.mistyped[0]))
    check_stated(patched, resource)
    new = request.placed(with_reset(decoded.object, patched))
    request.check_name(new)
    uid = new["metadata"].get("uid")
    if uid and uid != stored["metadata"]["uid"]:
        raise Invalid(resource, request.name, (invalid("metadata.uid", uid, "field is immutable"),))
    if validation == "Ignore":
        return TypedBody(new, [])
    unknown = [each.message for each in (*repeated_keys(patch.value), *decoded.unknown)]
    if unknown and validation == "Strict":
        raise patch.refusal(patched, f"strict decoding error: {', '.join(unknown)}")
    return TypedBody(new, unknown)


def _without_stored_managers(patched: JSON, stored: JSON) -> JSON:
    """Return an object without managedFields that the patch did not change: large, and not worth decoding again."""
    metadata = patched.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("managedFields"):
        return patched
    if metadata["managedFields"] != stored["metadata"].get("managedFields"):
        return patched
    return {**patched, "metadata": {name: each for name, each in metadata.items() if name != "managedFields"}}

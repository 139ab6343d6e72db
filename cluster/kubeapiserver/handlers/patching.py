"""patch: JSON, merge and strategic-merge patches, and server-side apply through its hook. Pure.

Follows apiserver ``pkg/endpoints/handlers/patch.go``.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.patch import merge
from kubeapi.registry import Registry
from kubeapi.schema import Struct, struct_of
from kubeapi.scheme import Resource
from kubeapi.status import FieldError, Invalid, StatusError
from kubeapi.strategicpatch import StrategicPatchError, go_map, strategic_merge
from kubeapi.strict import decode, go_kind, repeated_keys
from kubeapi.validation.faults import invalid
from kubeapi.warnings import warning_text, warnings_of
from kubeapiserver.errors import BODY_LIMIT, BadInput, InvalidInput, TooLarge, Unprocessable
from kubeapiserver.handlers import jsonpatch
from kubeapiserver.handlers.writing import Writing, check_name, placed, with_warnings
from kubeapiserver.hooks import Hooks
from kubeapiserver.messages import JSON_TYPE, YAML_TYPE, Request, Response
from kubeapiserver.requests.bodies import Bodies, check_kind, media_type, read_json
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.requests.options import Validation, WriteOptions, read_options
from kubeapiserver.requests.paths import Target
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import text_response

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_MISMATCH = re.compile(r"json: cannot unmarshal (\w+) ?(\S*) into Go struct field \S+ of type (\S+)")
_PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)


class Patch(NamedTuple):
    """A patch as it was sent."""

    media: str
    value: Any

    def apply_to(self, document: JSON, known: Struct | None) -> JSON:
        """Return the patched document; ``known`` is its struct, which names the lists that merge."""
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
        """Return the error for an object that the patch has made unreadable, quoted as the real server does."""
        is_strategic = self.media == STRATEGIC_PATCH
        text = go_map(self.value) if is_strategic else json.dumps(patched, separators=(",", ":"), ensure_ascii=False)
        return InvalidInput("", "", "", invalid("patch", text, detail))

    def type_fault(self, fault: FieldError) -> str:
        """Return what is said of a value of the wrong type: a strategic merge is not read from JSON (converter.go)."""
        found = _MISMATCH.fullmatch(fault.message) if self.media == STRATEGIC_PATCH else None
        return fault.message if found is None else _restore_fault(*found.groups())


def _json_patched(document: JSON, operations: Any) -> Any:
    if isinstance(operations, list) and len(operations) > jsonpatch.MAX_OPERATIONS:
        detail = f"The allowed maximum operations in a JSON patch is {jsonpatch.MAX_OPERATIONS}, got {len(operations)}"
        raise StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {detail}")
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
    """Return what apimachinery's converter says of a value of JSON type ``value`` where Go wants another type."""
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
    """Return the request's patch, None if its media type is no patch's."""
    media = media_type(request)
    if media not in _PATCHES:
        return None
    if len(request.body) > BODY_LIMIT:
        raise TooLarge
    try:
        value = read_json(request.body)
    except ValueError as error:
        raise BadInput(f"error decoding patch: {error}") from None
    if media != JSON_PATCH and not isinstance(value, dict):
        raise BadInput("error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}")
    return Patch(media, value)


def unsupported_media() -> Response:
    """Return go-restful's answer to a patch of an unknown type."""
    return text_response(415, "415: Unsupported Media Type")


class Patching:
    """Answers requests that change a part of an object."""

    def __init__(
        self,
        registry: Registry,
        bodies: Bodies,
        renderer: Renderer,
        writing: Writing,
        hooks: Hooks,
    ) -> None:
        self._registry = registry
        self._bodies = bodies
        self._renderer = renderer
        self._writing = writing
        self._hooks = hooks

    def patch(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Change an object, or apply a configuration to it."""
        if self.is_apply(request):
            return self.apply(request, resource, target, form)
        patch = read_patch(request)
        if patch is None:
            return unsupported_media()
        options = read_options(request, "PatchOptions")
        stored = self._registry.store.get(resource, target.namespace, target.name)
        patched, warnings = patched_object(resource, target, stored, patch, options.validation)
        written, more = self._writing.replace(resource, stored, patched, options)
        return with_warnings(self._renderer.response(resource, written, form), [*warnings, *more])

    def is_apply(self, request: Request) -> bool:
        """Tell whether a patch is a configuration to be applied."""
        return media_type(request) == APPLY_PATCH and self._hooks.apply is not None

    def apply(
        self, request: Request, resource: Resource, target: Target, form: Form, subresource: str = ""
    ) -> Response:
        """Apply a configuration to an object, or to its status."""
        options = read_options(request, "PatchOptions", is_apply=True)
        body = self.read_configuration(request, resource.api_version, resource.kind)
        body = _named(placed(resource, body, target), target.name)
        body, warnings = self._hooks.admit(resource, body)
        stored = self._registry.store.find(resource, ObjectKey(target.namespace, target.name))
        applied, is_created = self.applied(resource, target, body, options, subresource)
        response = self._renderer.response(resource, applied, form, code=201 if is_created else 200)
        return with_warnings(response, [*warnings, *map(warning_text, warnings_of(resource, stored, applied))])

    def applied(
        self, resource: Resource, target: Target, body: JSON, options: WriteOptions, subresource: str
    ) -> tuple[JSON, bool]:
        """Apply a configuration; return the object, and whether it is new."""
        assert self._hooks.apply is not None
        key, force = ObjectKey(target.namespace, target.name), options.is_forced
        return self._hooks.apply(
            self._registry, resource, key, body, options.manager, force, options.is_dry_run, subresource
        )

    def read_configuration(self, request: Request, api_version: str, kind: str) -> JSON:
        """Return a configuration of a kind, which is YAML by name, and mostly JSON, which is the quicker to read."""
        try:
            value = self._bodies.decoded(request, JSON_TYPE if request.body.lstrip()[:1] == b"{" else YAML_TYPE)
        except ValueError:
            try:
                value = self._bodies.decoded(request, YAML_TYPE)
            except ValueError as error:
                raise BadInput(f"error decoding patch: error converting YAML to JSON: {error}") from None
        if not isinstance(value, dict):
            detail = f"json: cannot unmarshal {go_kind(value)} into Go value of type map[string]interface {{}}"
            raise BadInput(f"error decoding patch: {detail}")
        repeated = ", ".join(each.message for each in repeated_keys(value))
        if repeated and request.get("fieldValidation") == "Strict":
            raise BadInput(f"error strict decoding patch: {repeated}")
        check_kind(value, api_version, kind)
        return value


def _named(body: JSON, name: str) -> JSON:
    """Return a configuration with the name of its path; BadInput if it has another."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and not metadata.get("name"):
        body = {**body, "metadata": {**metadata, "name": name}}
    check_name(body, name)
    return body


def patched_object(
    resource: Resource, target: Target, stored: JSON, patch: Patch, validation: Validation
) -> tuple[JSON, list[str]]:
    """Return what a patch makes of an object, and warnings of fields that nobody knows."""
    patched = patch.apply_to(stored, struct_of(resource))
    decoded = decode(resource, patched)
    if decoded.mistyped:
        raise patch.refusal(patched, patch.type_fault(decoded.mistyped[0]))
    check_kind(patched, resource.api_version, resource.kind)
    patched = placed(resource, patched, target)
    check_name(patched, target.name)
    uid = patched["metadata"].get("uid")
    if uid and uid != stored["metadata"]["uid"]:
        raise Invalid(resource, target.name, (invalid("metadata.uid", uid, "field is immutable"),))
    if validation == "Ignore":
        return patched, []
    unknown = [each.message for each in (*repeated_keys(patch.value), *decoded.unknown)]
    if unknown and validation == "Strict":
        raise patch.refusal(patched, f"strict decoding error: {', '.join(unknown)}")
    return patched, unknown

"""patch, and server-side apply. Pure. Follows apiserver ``pkg/endpoints/handlers/patch.go``."""

from __future__ import annotations

from kubeapi.customresources.conversion.versions import as_seen
from kubeapi.meta import JSON
from kubeapi.serialization.gojson import go_kind
from kubeapi.serialization.repetition import repeated_keys
from kubeapi.store import Store
from kubeapiserver.apply.serverside import Configuration
from kubeapiserver.errors import BadInput
from kubeapiserver.handlers.patches import patched_object, read_patch
from kubeapiserver.handlers.writer import ObjectWriter
from kubeapiserver.messages import JSON_TYPE, YAML_TYPE, Request, Response
from kubeapiserver.requests.bodies import check_kind, read_body
from kubeapiserver.requests.options import WriteOptions, read_options
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import text_response
from kubeapiserver.responses.warnings import with_warnings

APPLY_PATCH = "application/apply-patch+yaml"


class Patching:
    """Answers PATCH requests for whole objects."""

    def __init__(self, store: Store, writer: ObjectWriter, renderer: Renderer) -> None:
        self._store = store
        self._writer = writer
        self._renderer = renderer

    def patch(self, request: ResourceRequest) -> Response:
        """Change an object, or apply a configuration to it."""
        if is_apply(request.http):
            return self.apply(request)
        patch = read_patch(request.http)
        if patch is None:
            return unsupported_media()
        options = read_options(request.http, "PatchOptions")
        stored = as_seen(request.resource, self._store.get(request.resource, *request.key))
        new, warnings = patched_object(request, stored, patch, options.validation)
        written = self._writer.update(request.resource, stored, new, options)
        return with_warnings(self._renderer.response(request.view, written.object), [*warnings, *written.warnings])

    def apply(self, request: ResourceRequest, subresource: str = "") -> Response:
        """Apply a configuration to an object, or to a subresource that has the object's kind."""
        options = read_options(request.http, "PatchOptions", is_apply=True)
        config = read_configuration(request.http, request.resource.api_version, request.resource.kind)
        config = _named(request.placed(config), request)
        written = self._writer.apply(configuration(request, config, options, subresource), options)
        response = self._renderer.response(request.view, written.object, code=201 if written.is_new else 200)
        return with_warnings(response, written.warnings)


def is_apply(request: Request) -> bool:
    """Tell whether a PATCH applies a configuration."""
    return request.media_type == APPLY_PATCH


def unsupported_media() -> Response:
    """Return go-restful's answer to a patch of an unknown type."""
    return text_response(415, "415: Unsupported Media Type")


def configuration(request: ResourceRequest, config: JSON, options: WriteOptions, subresource: str) -> Configuration:
    """Return a configuration for the object of a request, or for its subresource."""
    return Configuration(request.resource, request.key, config, options.manager, subresource, options.is_forced)


def read_configuration(request: Request, api_version: str, kind: str) -> JSON:
    """Return the configuration of a kind in a body; BadInput for anything else.

    The media type says YAML, but most clients send JSON, which is faster to read.
    """
    try:
        value = read_body(request, JSON_TYPE if request.body.lstrip()[:1] == b"{" else YAML_TYPE)
    except ValueError:
        try:
            value = read_body(request, YAML_TYPE)
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


def _named(config: JSON, request: ResourceRequest) -> JSON:
    """Return a configuration with the name in the path; BadInput if it has another."""
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and not metadata.get("name"):
        config = {**config, "metadata": {**metadata, "name": request.name}}
    request.check_name(config)
    return config

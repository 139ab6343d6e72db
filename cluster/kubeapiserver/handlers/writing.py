"""create and update. Pure. Follows apiserver ``pkg/endpoints/handlers`` create.go and update.go."""

from __future__ import annotations

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.registry.preconditions import states_version
from kubeapi.store import Store
from kubeapi.validation.faults import invalid
from kubeapiserver.errors import InvalidInput
from kubeapiserver.handlers.writer import ObjectWriter, Written
from kubeapiserver.messages import Response
from kubeapiserver.requests.bodies import read_typed
from kubeapiserver.requests.options import WriteOptions, read_options
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.warnings import with_warnings


class Writing:
    """Answers requests that send a whole object."""

    def __init__(self, store: Store, writer: ObjectWriter, renderer: Renderer) -> None:
        self._store = store
        self._writer = writer
        self._renderer = renderer

    def create(self, request: ResourceRequest) -> Response:
        """Store a new object."""
        options = read_options(request.http, "CreateOptions")
        obj, warnings = read_typed(request.http, request.resource, options.validation)
        written = self._writer.create(request.resource, request.placed(obj), options)
        return self._response(request, written, warnings)

    def update(self, request: ResourceRequest) -> Response:
        """Replace an object, or create it if its kind allows that."""
        options = read_options(request.http, "UpdateOptions")
        obj, warnings = read_typed(request.http, request.resource, options.validation)
        obj = request.placed(obj)
        request.check_name(obj)
        return self._response(request, self._put(request, obj, options), warnings)

    def _put(self, request: ResourceRequest, obj: JSON, options: WriteOptions) -> Written:
        resource, metadata, kind = request.resource, obj["metadata"], kind_of(request.resource)
        stored = self._store.find(resource, request.key)
        is_new = not metadata.get("resourceVersion") and not metadata.get("uid")
        if stored is None and is_new and kind.allows_create_on_update:
            return self._writer.create(resource, obj, options)
        if stored is not None and not states_version(metadata) and not kind.allows_unconditional_update:
            fault = invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise InvalidInput(resource.plural, resource.group, request.name, fault)
        return self._writer.update(resource, stored, obj, options)

    def _response(self, request: ResourceRequest, written: Written, warnings: list[str]) -> Response:
        response = self._renderer.response(request.view, written.object, code=201 if written.is_new else 200)
        return with_warnings(response, [*warnings, *written.warnings])

"""create and update. Pure. Follows apiserver ``pkg/endpoints/handlers`` create.go and update.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry
from kubeapi.scheme import ENDPOINTS, EVENTS, LEASES, SERVICES, Resource
from kubeapi.status import BadRequest, Invalid
from kubeapi.strict import decode
from kubeapi.validation.faults import invalid
from kubeapi.warnings import warning_text, warnings_of
from kubeapiserver.errors import BadInput
from kubeapiserver.hooks import Hooks
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import Bodies, media_type
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.requests.options import Validation, WriteOptions, read_options
from kubeapiserver.requests.paths import Target
from kubeapiserver.responses.rendering import Renderer

PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
"""Bodies of this type have no unknown fields to warn of."""

WARNINGS_LIMIT, WARNING_LIMIT = 4096, 256
"""Characters of all warnings, and, beyond that, of each (apiserver ``pkg/endpoints/filters/warning.go``)."""

_CREATED_BY_UPDATE = (SERVICES, ENDPOINTS, EVENTS, LEASES)
"""Kinds that a PUT creates when they are not there (AllowCreateOnUpdate)."""


def with_warnings(response: Response, warnings: Sequence[str]) -> Response:
    """Return a response with a Warning header for every text (RFC 7234 5.5, code 299)."""
    if not warnings:
        return response
    headers = [("Warning", f"299 - {_quoted(each)}") for each in _bounded(list(dict.fromkeys(warnings)))]
    return Response(response.status, response.body, response.content_type, (*response.headers, *headers))


def _bounded(warnings: list[str]) -> list[str]:
    """Return as many warnings as clients take in headers: cut, and no more of them, when they are too long together."""
    if sum(len(each) for each in warnings) <= WARNINGS_LIMIT:
        return warnings
    count = WARNINGS_LIMIT // WARNING_LIMIT
    return [each[:WARNING_LIMIT] for each in warnings[:count]]


def _quoted(text: str) -> str:
    """Return a text as a quoted-string; what a header cannot carry is left out."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'


def placed(resource: Resource, obj: JSON, target: Target) -> JSON:
    """Return an object in the path's namespace; BadInput if it names another."""
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        return obj
    stated = metadata.get("namespace")
    if not resource.namespaced:
        metadata = {name: value for name, value in metadata.items() if name != "namespace"}
    elif stated and stated != target.namespace:
        raise BadInput("the namespace of the provided object does not match the namespace sent on the request")
    else:
        metadata = {**metadata, "namespace": target.namespace}
    return {**obj, "metadata": metadata}


def stated_name(obj: JSON) -> Any:
    """Return the name that an object gives itself, None if it gives none."""
    metadata = obj.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None


def check_name(obj: JSON, name: str) -> None:
    """Refuse an object whose name is not that of the path."""
    stated = stated_name(obj)
    if not stated:
        raise BadInput(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if stated != name:
        raise BadInput(f"the name of the object ({stated}) does not match the name on the URL ({name})")


class Writing:
    """Answers requests that bring a whole object."""

    def __init__(
        self, registry: Registry, bodies: Bodies, renderer: Renderer, hooks: Hooks, clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._bodies = bodies
        self._renderer = renderer
        self._hooks = hooks
        self._clock = clock

    def create(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Store a new object."""
        options = read_options(request, "CreateOptions")
        obj = self._bodies.read_object(request, resource)
        warnings = self.field_warnings(request, resource, obj, options.validation)
        obj = placed(resource, obj, target)
        return with_warnings(*self._create(resource, obj, options, form, warnings))

    def _create(
        self, resource: Resource, obj: JSON, options: WriteOptions, form: Form, warnings: list[str]
    ) -> tuple[Response, list[str]]:
        obj, more = self._hooks.admit(resource, obj)
        obj = self._hooks.track(resource, None, obj, options.manager, "", self._clock())
        created = self._registry.create(resource, obj, dry_run=options.is_dry_run)
        more = [*more, *map(warning_text, warnings_of(resource, None, created))]
        return self._renderer.response(resource, created, form, code=201), [*warnings, *more]

    def update(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Replace an object."""
        options = read_options(request, "UpdateOptions")
        obj = self._bodies.read_object(request, resource)
        warnings = self.field_warnings(request, resource, obj, options.validation)
        obj = placed(resource, obj, target)
        check_name(obj, target.name)
        stored = self._registry.store.find(resource, ObjectKey(target.namespace, target.name))
        metadata = obj["metadata"]
        is_new = not metadata.get("resourceVersion") and not metadata.get("uid")
        if stored is None and is_new and resource in _CREATED_BY_UPDATE:
            return with_warnings(*self._create(resource, obj, options, form, warnings))
        if stored is not None and resource is LEASES and not metadata.get("resourceVersion"):
            # AllowUnconditionalUpdate is false for Leases alone: two candidates must not both believe that they lead.
            fault = invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise Invalid(resource, target.name, (fault,))
        updated, more = self.replace(resource, stored, obj, options)
        return with_warnings(self._renderer.response(resource, updated, form), [*warnings, *more])

    def replace(
        self, resource: Resource, stored: JSON | None, obj: JSON, options: WriteOptions
    ) -> tuple[JSON, Sequence[str]]:
        """Write the new state of an object; return it, and what the client is warned of."""
        obj, warnings = self._hooks.admit(resource, obj)
        if stored is not None:
            obj = self._hooks.track(resource, stored, obj, options.manager, "", self._clock())
        written = self._registry.update(resource, obj, dry_run=options.is_dry_run)
        return written, [*warnings, *map(warning_text, warnings_of(resource, stored, written))]

    def field_warnings(self, request: Request, resource: Resource, obj: JSON, validation: Validation) -> list[str]:
        """Return a warning for every field that nobody knows; BadRequest for them if validation is strict."""
        if validation == "Ignore" or media_type(request) == PROTOBUF_TYPE:
            return []
        decoded = decode(resource, obj)
        unknown = [each.message for each in decoded.unknown]
        if unknown and validation == "Strict" and not decoded.mistyped:
            raise BadRequest(resource, f"strict decoding error: {', '.join(unknown)}")
        return unknown

"""The subresources that change an object: status, scale, binding, finalize, and parts of pods. Pure.

Follows k8s.io/kubernetes ``pkg/registry`` (apps/deployment/storage, core/pod/storage, core/namespace/storage).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubeapi.customresources.conversion.versions import as_seen
from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, format_time, is_terminating
from kubeapi.objects.conditions import with_condition
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.registry import Registry
from kubeapi.registry.admission import Action
from kubeapi.registry.binding import binding
from kubeapi.registry.metadata import merged_metadata
from kubeapi.registry.preconditions import states_version
from kubeapi.registry.statuses import with_status
from kubeapi.scales import scale_of, with_replicas
from kubeapi.status import Conflict
from kubeapi.validation.faults import invalid, required
from kubeapiserver.catalog import SCALES
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.handlers.patches import patched_object, read_patch
from kubeapiserver.handlers.patching import Patching, configuration, is_apply, read_configuration, unsupported_media
from kubeapiserver.handlers.writer import ObjectWriter
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import check_kind, read_document, read_typed
from kubeapiserver.requests.options import WriteOptions, read_options
from kubeapiserver.requests.resource import ResourceRequest, View
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import document_response, success
from kubeapiserver.responses.warnings import with_warnings

_AUTOSCALING = "autoscaling/v1"


class _Wanted(NamedTuple):
    """The object that a PUT or a patch asks for, typed, with its warnings and options."""

    object: JSON
    warnings: list[str]
    options: WriteOptions


class Subresources:
    """Answers requests for subresources that are parts of an object."""

    def __init__(
        self,
        registry: Registry,
        writer: ObjectWriter,
        patching: Patching,
        renderer: Renderer,
        clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._store = registry.store
        self._writer = writer
        self._patching = patching
        self._renderer = renderer
        self._clock = clock

    def answer(self, request: ResourceRequest) -> Response | None:
        """Answer a request for a subresource, None if it is not one of these."""
        match request.path.subresource:
            case "status" | "approval":  # what is approved is written into the status
                return self.status(request)
            case "finalize":
                return self.finalize(request)
            case part if part in kind_of(request.resource).parts:
                return self.part(request)
            case "scale":
                return self.scale(request)
            case "binding":
                return self.bind(request)
        return None

    def status(self, request: ResourceRequest) -> Response:
        """Read an object, or replace or patch only its status and metadata."""
        resource = request.resource
        stored = as_seen(resource, self._store.get(resource, *request.key))
        if request.http.method == "GET":
            return self._renderer.response(request.view, stored)
        if is_apply(request.http):
            return self._patching.apply(request, "status")
        wanted = _wanted(request, stored)
        if wanted is None:
            return unsupported_media()
        metadata = merged_metadata(kind_of(resource), wanted.object["metadata"], stored["metadata"])
        new = with_status(kind_of(resource), {**stored, "metadata": metadata}, wanted.object, has_metadata=False)
        written = self._writer.update_status(resource, stored, new, wanted.options)
        return with_warnings(self._renderer.response(request.view, written), wanted.warnings)

    def part(self, request: ResourceRequest) -> Response:
        """Read an object, or replace or patch only a part that no other request changes."""
        part, resource, kind = request.path.subresource, request.resource, kind_of(request.resource)
        stored = self._store.get(resource, *request.key)
        if request.http.method == "GET":
            return self._renderer.response(request.view, stored)
        if is_apply(request.http):
            return self._patching.apply(request, part)
        wanted = _wanted(request, stored)
        if wanted is None:
            return unsupported_media()
        kind.set_defaults(wanted.object)
        new = {**stored, "spec": kind.parts[part].merged(wanted.object.get("spec", {}), stored["spec"])}
        written = self._writer.update_part(part, resource, stored, new, wanted.options)
        return with_warnings(
            self._renderer.response(request.view, written.object), [*wanted.warnings, *written.warnings]
        )

    def scale(self, request: ResourceRequest) -> Response:
        """Read or change the number of replicas."""
        stored = as_seen(request.resource, self._store.get(request.resource, *request.key))
        before = scale_of(request.resource, stored)
        if request.http.method == "GET":
            return self._scale_response(request, before)
        if is_apply(request.http):
            return self._apply_scale(request)
        if request.http.method == "PUT":
            options = read_options(request.http, "UpdateOptions")
            scale = read_document(request.http, "Scale")
        elif (patch := read_patch(request.http)) is not None:
            options = read_options(request.http, "PatchOptions")
            scale = patch.apply_to(before, None)
        else:
            return unsupported_media()
        check_kind(scale, _AUTOSCALING, "Scale")
        request.check_name(scale)
        _check_version(request, scale, stored)
        written = self._writer.update_scale(request.resource, stored, _replicas_of(scale, request), options)
        response = self._scale_response(request, scale_of(request.resource, written.object))
        return with_warnings(response, written.warnings)

    def _apply_scale(self, request: ResourceRequest) -> Response:
        """Apply a Scale: its manager owns the number of replicas (managedfields.ScaleHandler)."""
        options = read_options(request.http, "PatchOptions", is_apply=True)
        scale = read_configuration(request.http, _AUTOSCALING, "Scale")
        resource = request.resource
        config: JSON = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": request.name}}
        if scale.get("spec"):
            config = with_replicas(resource, config, _replicas_of(scale, request))
        written = self._writer.apply(configuration(request, config, options, "scale"), options)
        return self._scale_response(request, scale_of(resource, written.object))

    def _scale_response(self, request: ResourceRequest, scale: JSON) -> Response:
        return self._renderer.response(View(SCALES, request.form), scale)

    def bind(self, request: ResourceRequest) -> Response:
        """Assign a pod to a node."""
        node = _read_binding(request.http, request.name)
        pod = self._store.get(request.resource, *request.key)
        if assigned := read_pod(pod).node_name:
            detail = f'pod {request.name} is already assigned to node "{assigned}"'
            raise Conflict(request.resource, request.name, detail)
        options = read_options(request.http, "CreateOptions")
        is_dry_run = options.is_dry_run
        action = Action("CREATE", request.resource, request.key, "binding", is_dry_run)
        node = self._writer.reviewed(action, binding(request.key, node), None, options).object["target"]["name"]
        bound = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        written = self._registry.update(request.resource, bound, dry_run=is_dry_run)
        self._registry.update_status(request.resource, self._scheduled(written), dry_run=is_dry_run)
        return document_response(success(code=201), 201)

    def _scheduled(self, pod: JSON) -> JSON:
        """Return a pod with the condition PodScheduled."""
        condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": format_time(self._clock())}
        return {**pod, "status": with_condition(status_of(pod), condition)}

    def finalize(self, request: ResourceRequest) -> Response:
        """Replace a Namespace's finalizers; a terminating one without finalizers is deleted."""
        options = read_options(request.http, "UpdateOptions")
        body = request.placed(read_typed(request.http, request.resource, "Ignore").object)
        request.check_name(body)
        stored = self._store.get(request.resource, "", request.name)
        _check_version(request, body, stored)
        new = {**stored, "spec": body.get("spec", {})}
        if is_terminating(stored):  # without finalizers it is gone
            written = self._registry.update(request.resource, new, dry_run=options.is_dry_run)
        else:
            written = self._registry.update_part(request.resource, "finalize", new, dry_run=options.is_dry_run)
        return self._renderer.response(request.view, written)


def _wanted(request: ResourceRequest, stored: JSON) -> _Wanted | None:
    """Return the state that a PUT or a patch asks for, None for a patch of unknown type."""
    if request.http.method == "PUT":
        options = read_options(request.http, "UpdateOptions")
        new = request.placed(read_typed(request.http, request.resource, "Ignore").object)
        request.check_name(new)
        warnings: list[str] = []
    elif (patch := read_patch(request.http)) is not None:
        options = read_options(request.http, "PatchOptions")
        new, warnings = patched_object(request, stored, patch, options.validation)
    else:
        return None
    _check_version(request, new, stored)
    return _Wanted(new, warnings, options)


def _replicas_of(scale: JSON, request: ResourceRequest) -> int:
    spec: Any = scale.get("spec")
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None if spec else 0
    if type(replicas) is not int or not -(2**31) <= replicas < 2**31:
        raise BadInput(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal'
            " into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0 and not isinstance(request.resource, CustomResource):  # which is judged as a whole
        fault = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise InvalidInput("Scale", "autoscaling", request.name, fault)
    return replicas


def _read_binding(request: Request, pod: str) -> str:
    """Return the node that a Binding names."""
    body = read_document(request, "Binding")
    check_kind(body, "v1", "Binding")
    target = body.get("target")
    node = target.get("name") if isinstance(target, dict) else None
    if not isinstance(node, str) or not node:
        raise InvalidInput("Binding", "", pod, required("target.name"))
    return node


def _check_version(request: ResourceRequest, new: JSON, stored: JSON) -> None:
    """Raise Conflict for a write that states another resourceVersion than the stored one."""
    metadata = new["metadata"]
    if states_version(metadata) and metadata["resourceVersion"] != stored["metadata"]["resourceVersion"]:
        raise Conflict(request.resource, stored["metadata"]["name"])

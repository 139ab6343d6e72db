"""The parts of objects that have paths of their own: status, scale, binding, finalize, parts of pods. Pure.

Follows k8s.io/kubernetes ``pkg/registry`` (apps/deployment/storage, core/pod/storage, core/namespace/storage).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeapi.meta import JSON, format_time
from kubeapi.podwarnings import pod_warnings
from kubeapi.registry import Registry
from kubeapi.registry.podparts import POD_PARTS
from kubeapi.registry.strategy import merged_metadata
from kubeapi.scheme import NAMESPACES, PODS, Resource
from kubeapi.status import Conflict, FieldError
from kubeapi.validation.faults import invalid, required
from kubeapiserver.catalog import SCALES
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.handlers.patching import Patching, patched_object, read_patch, unsupported_media
from kubeapiserver.handlers.writing import check_name, placed, with_warnings
from kubeapiserver.hooks import Hooks
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import Bodies, check_kind
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.requests.options import WriteOptions, read_options
from kubeapiserver.requests.paths import Target
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import document_response, success
from kubeapiserver.tables.columns import selector_text

_AUTOSCALING = "autoscaling/v1"


class Subresources:
    """Answers requests about parts of objects."""

    def __init__(
        self,
        registry: Registry,
        bodies: Bodies,
        renderer: Renderer,
        patching: Patching,
        hooks: Hooks,
        clock: Callable[[], float],
    ) -> None:
        self._patching = patching
        self._registry = registry
        self._store = registry.store
        self._bodies = bodies
        self._renderer = renderer
        self._hooks = hooks
        self._clock = clock

    def answer(self, request: Request, resource: Resource, target: Target, form: Form) -> Response | None:
        """Answer a request for a part of an object, None if the part is nobody's here."""
        match target.subresource:
            case "status":
                return self.status(request, resource, target, form)
            case "ephemeralcontainers" | "resize":
                return self.pod_part(request, target, form)
            case "scale":
                return self.scale(request, resource, target, form)
            case "finalize":
                return self.finalize(request, target, form)
            case "binding":
                return self.bind(request, target)
        return None

    def status(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Read an object, or replace or patch its status and metadata, and nothing else of it."""
        stored = self._store.get(resource, target.namespace, target.name)
        if request.method == "GET":
            return self._renderer.response(resource, stored, form)
        if self._patching.is_apply(request):
            return self._patching.apply(request, resource, target, form, "status")
        wanted = self._wanted(request, resource, target, stored)
        if wanted is None:
            return unsupported_media()
        new, warnings, options = wanted
        metadata = merged_metadata(resource, new["metadata"], stored["metadata"])
        new = {**stored, "metadata": metadata, "status": new.get("status") or {}}
        metadata = self._tracked(resource, stored, new, options, "status")["metadata"]
        written = self._registry.update_status(resource, new, dry_run=options.is_dry_run, metadata=metadata)
        return with_warnings(self._renderer.response(resource, written, form), warnings)

    def pod_part(self, request: Request, target: Target, form: Form) -> Response:
        """Read a pod, or replace or patch its ephemeral containers or its resources, and nothing else of it."""
        part, stored = target.subresource, self._store.get(PODS, target.namespace, target.name)
        if request.method == "GET":
            return self._renderer.response(PODS, stored, form)
        if self._patching.is_apply(request):
            return self._patching.apply(request, PODS, target, form, part)
        wanted = self._wanted(request, PODS, target, stored)
        if wanted is None:
            return unsupported_media()
        new, warnings, options = wanted
        new = {**stored, "spec": POD_PARTS[part].merged(new.get("spec") or {}, stored["spec"])}
        tracked = self._tracked(PODS, stored, new, options, part)
        written = self._registry.update_pod_part(part, tracked, dry_run=options.is_dry_run)
        felt = map(str, pod_warnings(PODS, stored, written))
        return with_warnings(self._renderer.response(PODS, written, form), [*warnings, *felt])

    def _wanted(
        self, request: Request, resource: Resource, target: Target, stored: JSON
    ) -> tuple[JSON, list[str], WriteOptions] | None:
        """Return the state that a PUT or a patch asks for, warnings and options; None for a patch of unknown type."""
        warnings: list[str] = []
        if request.method == "PUT":
            options = read_options(request, "UpdateOptions")
            new = placed(resource, self._bodies.read_object(request, resource), target)
            check_name(new, target.name)
        elif (patch := read_patch(request)) is not None:
            options = read_options(request, "PatchOptions")
            new, warnings = patched_object(resource, target, stored, patch, options.validation)
        else:
            return None
        _check_version(resource, new, stored)
        return new, warnings, options

    def scale(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Read or change how many replicas are wanted."""
        stored = self._store.get(resource, target.namespace, target.name)
        before = scale_of(stored)
        if request.method == "GET":
            return self._renderer.response(SCALES, before, form)
        if self._patching.is_apply(request):
            return self._apply_scale(request, resource, target, form)
        if request.method == "PUT":
            options = read_options(request, "UpdateOptions")
            scale = self._bodies.read(request, "must be of type Scale")
        elif (patch := read_patch(request)) is not None:
            options = read_options(request, "PatchOptions")
            scale = patch.apply_to(before, None)
        else:
            return unsupported_media()
        check_kind(scale, _AUTOSCALING, "Scale")
        check_name(scale, target.name)
        _check_version(resource, scale, stored)
        new = {**stored, "spec": {**stored["spec"], "replicas": _replicas_of(scale, target.name)}}
        tracked = self._tracked(resource, stored, new, options, "scale")
        written = self._registry.update(resource, tracked, dry_run=options.is_dry_run)
        return self._renderer.response(SCALES, scale_of(written), form)

    def _apply_scale(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Apply a Scale: own the number of replicas (managedfields.ScaleHandler)."""
        options = read_options(request, "PatchOptions", is_apply=True)
        scale = self._patching.read_configuration(request, _AUTOSCALING, "Scale")
        config: JSON = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": target.name}}
        if scale.get("spec"):
            config["spec"] = {"replicas": _replicas_of(scale, target.name)}
        applied, _ = self._patching.applied(resource, target, config, options, "scale")
        return self._renderer.response(SCALES, scale_of(applied), form)

    def _tracked(self, resource: Resource, stored: JSON, new: JSON, options: WriteOptions, subresource: str) -> JSON:
        """Return the new state with the note of who wrote it."""
        return self._hooks.track(resource, stored, new, options.manager, subresource, self._clock())

    def bind(self, request: Request, target: Target) -> Response:
        """Assign a pod to a node."""
        body = self._bodies.read(request, "must be of type Binding")
        check_kind(body, "v1", "Binding")
        to = body.get("target")
        node = to.get("name") if isinstance(to, dict) else None
        if not isinstance(node, str) or not node:
            raise InvalidInput("Binding", "", target.name, required("target.name"))
        pod = self._store.get(PODS, target.namespace, target.name)
        assigned = pod["spec"].get("nodeName")
        if assigned:
            raise Conflict(PODS, target.name, f'pod {target.name} is already assigned to node "{assigned}"')
        is_dry_run = read_options(request, "CreateOptions").is_dry_run
        bound = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        written = self._registry.update(PODS, bound, dry_run=is_dry_run)
        self._registry.update_status(PODS, self._scheduled(written), dry_run=is_dry_run)
        return document_response(success(code=201), 201)

    def _scheduled(self, pod: JSON) -> JSON:
        status = pod.get("status") or {}
        others = [each for each in status.get("conditions") or () if each.get("type") != "PodScheduled"]
        condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": format_time(self._clock())}
        return {**pod, "status": {**status, "conditions": [*others, condition]}}

    def finalize(self, request: Request, target: Target, form: Form) -> Response:
        """Replace a Namespace's finalizers; without any, one that is terminating goes."""
        options = read_options(request, "UpdateOptions")
        body = placed(NAMESPACES, self._bodies.read_object(request, NAMESPACES), target)
        check_name(body, target.name)
        stored = self._store.get(NAMESPACES, "", target.name)
        _check_version(NAMESPACES, body, stored)
        written = self._registry.update(
            NAMESPACES, {**stored, "spec": body.get("spec") or {}}, dry_run=options.is_dry_run
        )
        return self._renderer.response(NAMESPACES, written, form)


def scale_of(obj: JSON) -> JSON:
    """Return the Scale of a Deployment or a ReplicaSet."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": _AUTOSCALING,
        "metadata": {field: metadata[field] for field in kept if field in metadata},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": selector_text(spec.get("selector")),
        },
    }


def _replicas_of(scale: JSON, name: str) -> int:
    spec: Any = scale.get("spec") or {}
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None
    if type(replicas) is not int or not -(2**31) <= replicas < 2**31:
        raise BadInput(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal'
            " into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        fault: FieldError = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise InvalidInput("Scale", "autoscaling", name, fault)
    return replicas


def _check_version(resource: Resource, new: JSON, stored: JSON) -> None:
    """Refuse a write that is based on another state than the stored one."""
    stated = new["metadata"].get("resourceVersion")
    if stated and stated != stored["metadata"]["resourceVersion"]:
        raise Conflict(resource, stored["metadata"]["name"])

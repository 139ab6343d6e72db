"""delete, deletecollection and eviction. Pure. Follows apiserver ``handlers/delete.go`` and ``registry/store.go``."""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.registry import Registry
from kubeapi.scheme import NAMESPACES, PODS, SERVICES, Resource
from kubeapi.strict import go_kind
from kubeapi.validation.faults import invalid, unsupported
from kubeapiserver.errors import BadInput, InvalidOptions
from kubeapiserver.handlers.reading import Reading, read_scope
from kubeapiserver.handlers.writing import stated_name
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import Bodies, check_kind
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.requests.options import dry_run_faults, read_dry_run, read_integer
from kubeapiserver.requests.paths import Target
from kubeapiserver.responses.chunks import Chunk
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import document_response, success

_RETURNED = (PODS, SERVICES, NAMESPACES)
"""Kinds whose deletion answers with the object, others with a Status (ReturnDeletedObject)."""

_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
"""What the garbage collector must do before an object goes."""

_POLICIES = ("Background", "Foreground", "Orphan")


class DeleteOptions(NamedTuple):
    """How to delete. ``policy`` "" is the kind's own, which is Background for all."""

    grace_seconds: int | None = None
    policy: str = ""
    uid: str = ""
    resource_version: str = ""
    is_dry_run: bool = False


class Deletion:
    """Answers requests to delete."""

    def __init__(self, registry: Registry, bodies: Bodies, renderer: Renderer, reading: Reading) -> None:
        self._registry = registry
        self._bodies = bodies
        self._renderer = renderer
        self._reading = reading

    def delete(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Delete one object."""
        options = self._read_options(request)
        last = self.remove(resource, target.namespace, target.name, options)
        is_gone = self._registry.store.find(resource, ObjectKey(target.namespace, target.name)) is None
        if resource in _RETURNED or not (is_gone or options.is_dry_run):
            return self._renderer.response(resource, last, form)
        return document_response(success(resource, last))

    def delete_collection(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Delete what the selectors match, and return it as a list."""
        options = self._read_options(request)
        gone = []
        for each in self._reading.selected(resource, read_scope(request, resource, target.namespace)):
            metadata = each["metadata"]
            gone.append(self.remove(resource, metadata.get("namespace", ""), metadata["name"], options))
        version = self._registry.store.resource_version
        return self._renderer.list_response(resource, gone, form, "Metadata", Chunk(version))

    def evict(self, request: Request, target: Target) -> Response:
        """Delete a pod on behalf of its node's administrator; nothing here protects pods from it."""
        body = self._bodies.read(request, "must be of type Eviction")
        check_kind(body, "policy/v1", "Eviction")
        stated = stated_name(body)
        if stated and stated != target.name:
            raise BadInput(f"name in URL does not match name in Eviction object: {target.name} != {stated}")
        options = read_delete_options(body.get("deleteOptions"))
        is_dry_run = options.is_dry_run or read_dry_run(request, "CreateOptions")
        self.remove(PODS, target.namespace, target.name, options._replace(is_dry_run=is_dry_run))
        return document_response(success(code=201), 201)

    def remove(self, resource: Resource, namespace: str, name: str, options: DeleteOptions) -> JSON:
        """Delete an object, or begin to; return its last state."""
        finalizer = _FINALIZERS.get(options.policy)
        store = self._registry.store
        if finalizer and not options.is_dry_run:
            stored = store.get(resource, namespace, name)
            self._registry.delete(
                resource, namespace, name, uid=options.uid, resource_version=options.resource_version, dry_run=True
            )
            self._add_finalizer(resource, stored, finalizer)
            options = options._replace(resource_version="")
        return self._registry.delete(
            resource,
            namespace,
            name,
            grace_period_seconds=options.grace_seconds,
            uid=options.uid,
            resource_version=options.resource_version,
            dry_run=options.is_dry_run,
        )

    def _add_finalizer(self, resource: Resource, stored: JSON, finalizer: str) -> None:
        finalizers = stored["metadata"].get("finalizers") or []
        if finalizer not in finalizers and not is_terminating(stored):
            metadata = {**stored["metadata"], "finalizers": [*finalizers, finalizer]}
            self._registry.update(resource, {**stored, "metadata": metadata})

    def _read_options(self, request: Request) -> DeleteOptions:
        """Return the options of the body, or, without one, of the query; dryRun counts in both.

        The real server overlooks a dryRun in the query of a request with a body: who asked for a trial has lost
        an object.
        """
        body: JSON = {}
        if request.body:
            body = self._bodies.read(request, "must be of type DeleteOptions")
            check_kind(body, str(body.get("apiVersion") or "v1"), "DeleteOptions")
        else:
            if policy := request.get("propagationPolicy"):
                body["propagationPolicy"] = policy
            if (seconds := read_integer(request, "gracePeriodSeconds")) is not None:
                body["gracePeriodSeconds"] = seconds
        options = read_delete_options(body)
        return options._replace(is_dry_run=options.is_dry_run or read_dry_run(request, "DeleteOptions"))


def read_delete_options(body: Any) -> DeleteOptions:
    """Read DeleteOptions; BadInput or InvalidOptions for what they may not be."""
    grace = _typed(body, "gracePeriodSeconds", int, "int64")
    policy = _typed(body, "propagationPolicy", str, "v1.DeletionPropagation")
    preconditions = _typed(body, "preconditions", dict, "v1.Preconditions") or {}
    dry_run = _typed(body, "dryRun", list, "[]string") or []
    orphans = _typed(body, "orphanDependents", bool, "bool")
    faults = dry_run_faults(dry_run)
    if orphans is not None and policy is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        faults.insert(0, invalid("propagationPolicy", policy, detail))
    policy = "Orphan" if orphans else policy
    if policy and policy not in _POLICIES:
        faults.append(unsupported("propagationPolicy", policy, _POLICIES))
    if faults:
        raise InvalidOptions("DeleteOptions", *faults)
    return DeleteOptions(
        grace,
        policy or "",
        str(preconditions.get("uid") or ""),
        str(preconditions.get("resourceVersion") or ""),
        any(dry_run),
    )


def _typed(body: Any, name: str, wanted: type, go: str) -> Any:
    """Return a field that has a type, None if it is absent."""
    value = body.get(name) if isinstance(body, dict) else None
    if value is None or type(value) is wanted:
        return value
    raise BadInput(
        f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal'
        f" {go_kind(value)} into Go struct field DeleteOptions.{name} of type {go}"
    )

"""delete, deletecollection and eviction. Pure. Follows apiserver ``handlers/delete.go`` and ``registry/store.go``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kubeapi.customresources.conversion.versions import require_seen
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.registry import DeleteOptions, Registry
from kubeapi.registry.admission import Action
from kubeapi.scheme import Resource
from kubeapi.serialization.gojson import go_kind
from kubeapi.validation.faults import invalid, unsupported
from kubeapiserver.admission.reviews import Requester, plain_options
from kubeapiserver.admission.webhooks import Webhooks
from kubeapiserver.errors import BadInput, InvalidOptions
from kubeapiserver.handlers.eviction import Eviction, Evictions
from kubeapiserver.handlers.reading import Reading, read_scope
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import check_kind, read_document
from kubeapiserver.requests.options import dry_run_faults, read_dry_run, read_integer
from kubeapiserver.requests.paths import asked_version
from kubeapiserver.requests.resource import ResourceRequest, stated_name
from kubeapiserver.responses.chunks import Chunk
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import document_response, success
from kubeapiserver.responses.warnings import with_warnings

_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
"""The finalizer that lets the garbage collector act before the object is removed, by policy."""

_POLICIES = ("Background", "Foreground", "Orphan")


class DeleteRequest(NamedTuple):
    """How to delete. ``policy`` "" is the kind's default: Orphan, where a kind says so, else Background."""

    options: DeleteOptions
    policy: str = ""
    is_dry_run: bool = False

    def document(self, _: Action) -> JSON:
        """Return the options as an AdmissionReview tells them."""
        stated = {
            "gracePeriodSeconds": self.options.grace_period_seconds,
            "preconditions": {
                name: value
                for name, value in (("uid", self.options.uid), ("resourceVersion", self.options.resource_version))
                if value
            }
            or None,
            "propagationPolicy": self.policy or None,
            "dryRun": ["All"] if self.is_dry_run else None,
        }
        head = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
        return head | {name: value for name, value in stated.items() if value is not None}


class Deletion:
    """Answers requests to delete."""

    def __init__(
        self, registry: Registry, renderer: Renderer, reading: Reading, evictions: Evictions, webhooks: Webhooks
    ) -> None:
        self._registry = registry
        self._webhooks = webhooks
        self._renderer = renderer
        self._reading = reading
        self._evictions = evictions

    def delete(self, request: ResourceRequest) -> Response:
        """Delete one object."""
        wanted = _read_options(request.http)
        if (stored := self._registry.store.find(request.resource, request.key)) is not None:
            require_seen(request.resource, [stored])
        said = self._reviewed(request, request.key, wanted)
        last = self._remove(request.resource, request.key, wanted)
        is_gone = self._registry.store.find(request.resource, request.key) is None
        if kind_of(request.resource).returns_deleted or not (is_gone or wanted.is_dry_run):
            response = self._renderer.response(request.view, last)
        else:
            response = document_response(success(request.resource, last))
        return with_warnings(response, [*_warnings(request.resource, wanted), *said])

    def delete_collection(self, request: ResourceRequest) -> Response:
        """Delete the objects that the selectors match, and return them as a list."""
        wanted = _read_options(request.http)
        objects = self._reading.selected(request.resource, read_scope(request))
        # All are reviewed before the first is deleted: a request that waits for a webhook has changed nothing.
        said = [text for each in objects for text in self._reviewed(request, key_of(each), wanted)]
        gone = [self._remove(request.resource, key_of(each), wanted) for each in objects]
        version = self._registry.store.resource_version
        response = self._renderer.list_response(request.view, gone, Chunk(version))
        return with_warnings(response, [*_warnings(request.resource, wanted), *said])

    def evict(self, request: ResourceRequest) -> Response:
        """Delete a pod for an Eviction, if its PodDisruptionBudget allows it."""
        body = read_document(request.http, "Eviction")
        check_kind(body, "policy/v1", "Eviction")
        stated = stated_name(body)
        if stated and stated != request.name:
            raise BadInput(f"name in URL does not match name in Eviction object: {request.name} != {stated}")
        wanted = read_delete_options(body.get("deleteOptions"))
        is_dry_run = wanted.is_dry_run or read_dry_run(request.http, "CreateOptions")
        action = Action("CREATE", request.resource, request.key, "eviction", is_dry_run)
        requester, said = Requester(request.http.user, plain_options), list[str]()
        admission = self._webhooks.admission(requester, request.http.reviews, said)
        admission.validate(action, admission.mutated(action, body, None), None)
        self._evictions.evict(Eviction(request.key, wanted.options, is_dry_run))
        return with_warnings(document_response(success(code=201), 201), said)

    def _reviewed(self, request: ResourceRequest, key: ObjectKey, wanted: DeleteRequest) -> Sequence[str]:
        """Return the warnings of the admission webhooks; StatusError if one denies the deletion."""
        said: list[str] = []
        old = self._registry.store.find(request.resource, key)
        if old is not None:
            requester = Requester(request.http.user, wanted.document, asked_version(request.http.path))
            admission = self._webhooks.admission(requester, request.http.reviews, said)
            stated = ObjectKey(key.namespace, request.name)  # a collection's objects are not named
            admission.admit_deletion(Action("DELETE", request.resource, stated, "", wanted.is_dry_run), old)
        return said

    def _remove(self, resource: Resource, key: ObjectKey, wanted: DeleteRequest) -> JSON:
        """Delete an object, or begin to; return its last state."""
        policy = wanted.policy or ("Orphan" if kind_of(resource).orphans_dependents else "")
        finalizer, options, delete = _FINALIZERS.get(policy), wanted.options, self._registry.delete
        if finalizer and not wanted.is_dry_run:
            stored = self._registry.store.get(resource, *key)
            # Preconditions are checked first: the finalizer gives the object another resourceVersion.
            delete(resource, *key, options._replace(grace_period_seconds=None), dry_run=True)
            self._add_finalizer(resource, stored, finalizer)
            options = options._replace(resource_version="")
        return delete(resource, *key, options, dry_run=wanted.is_dry_run)

    def _add_finalizer(self, resource: Resource, stored: JSON, finalizer: str) -> None:
        finalizers = stored["metadata"].get("finalizers", [])
        if finalizer not in finalizers and not is_terminating(stored):
            metadata = {**stored["metadata"], "finalizers": [*finalizers, finalizer]}
            self._registry.update(resource, {**stored, "metadata": metadata})


def _warnings(resource: Resource, wanted: DeleteRequest) -> list[str]:
    warning = kind_of(resource).deletion_warning
    return [warning] if warning and not wanted.policy else []


def _read_options(request: Request) -> DeleteRequest:
    """Return the options in the body, or, without one, in the query; dryRun counts in both.

    The real server ignores a dryRun in the query of a request with a body, and so deletes objects for real.
    """
    body: JSON = {}
    if request.body:
        body = read_document(request, "DeleteOptions")
        check_kind(body, str(body.get("apiVersion") or "v1"), "DeleteOptions")
    else:
        if policy := request.get("propagationPolicy"):
            body["propagationPolicy"] = policy
        if (seconds := read_integer(request, "gracePeriodSeconds")) is not None:
            body["gracePeriodSeconds"] = seconds
    wanted = read_delete_options(body)
    return wanted._replace(is_dry_run=wanted.is_dry_run or read_dry_run(request, "DeleteOptions"))


def read_delete_options(body: Any) -> DeleteRequest:
    """Return DeleteOptions that may be malformed; BadInput or InvalidOptions for their faults."""
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
    uid, version = str(preconditions.get("uid") or ""), str(preconditions.get("resourceVersion") or "")
    return DeleteRequest(DeleteOptions(grace, uid, version), policy or "", any(dry_run))


def _typed(body: Any, name: str, wanted: type, go: str) -> Any:
    """Return a field, None if it is absent; BadInput if it has another type."""
    value = body.get(name) if isinstance(body, dict) else None
    if value is None or type(value) is wanted:
        return value
    raise BadInput(
        f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal'
        f" {go_kind(value)} into Go struct field DeleteOptions.{name} of type {go}"
    )

"""Namespaces that are being deleted: first their pods, then the rest of their contents, then the Namespaces.

Pure. Pods get their grace; the Namespace stays Terminating until the last object has gone. Follows k8s.io/kubernetes
``pkg/controller/namespace``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kubeapi.extensions.answers import NO_SERVERS, ExtensionAnswers
from kubeapi.kinds import KINDS, kind_of
from kubeapi.meta import JSON, ObjectKey, is_terminating, parse_time
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.scheme import NAMESPACES, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Outcome, Requeue, Update, UpdateStatus, delete
from kubecontroller.cleanup.garbagecollector import Dependent
from kubecontroller.cleanup.namespaceconditions import Problems, failed, remaining, with_conditions
from kubecontroller.listers import Listers

_NAMESPACED = [kind for kind in KINDS if kind.resource.namespaced]
CONTENTS = (
    *(kind.resource for kind in reversed(_NAMESPACED) if kind.makes_pods),
    *(kind.resource for kind in _NAMESPACED if not kind.makes_pods and not kind.is_record),
    *(kind.resource for kind in _NAMESPACED if kind.is_record),
)
"""The resources in the order in which a namespace is emptied once its pods are gone: first those that make pods."""

_SPARE_SECONDS = 1.0
"""How much longer than its grace period a pod may stay before the conditions tell of it."""
_PENDING_SECONDS, _SWEEP_SECONDS = 0.1, 2.0
"""Pauses before extension API servers are asked for an answer, and asked again."""


def reconcile(
    namespace: JSON | None, contents: Sequence[Dependent], now: float, servers: ExtensionAnswers = NO_SERVERS
) -> list[Change]:
    """Return the deletion of what is left in a Namespace that is being deleted, and of itself once it is empty.

    ``namespace`` is None when it is gone. Nothing else is deleted before the last pod has gone
    (OrderedNamespaceDeletion); then ``servers`` tell what they have.
    """
    if namespace is None:
        return _deletions(contents)
    if not is_terminating(namespace):
        return []
    if pods := [each for each in contents if each.resource == PODS]:
        return _await_pods(namespace, pods, now)
    left = [each for each in contents if not kind_of(each.resource).is_record]
    kept = [each for each in left if kind_of(each.resource).finalizers(each.obj)]
    extensions = servers.contents(namespace["metadata"]["name"])
    deletions = _deletions(contents, namespace)
    if extensions.is_pending:
        return [*deletions, Requeue(_PENDING_SECONDS)]
    changes = [*deletions, *_status(namespace, remaining(kept, extensions), now)]
    if not extensions.is_empty:
        return [*changes, Requeue(_SWEEP_SECONDS)]
    return changes if left else [*changes, *_finalize(namespace)]


def _deletions(contents: Sequence[Dependent], namespace: JSON | None = None) -> list[Change]:
    """Return the deletion of what is not being deleted yet; one that is refused keeps no other from going."""
    outcome = Outcome(namespace, "", "") if namespace is not None else None
    return [
        replace(delete(each.resource, each.obj, outcome), holds_up=False)
        for each in contents
        if not is_terminating(each.obj)
    ]


def _await_pods(namespace: JSON, pods: Sequence[Dependent], now: float) -> list[Change]:
    """Return the deletion of the pods; those that stay longer than they may are told of, those with finalizers not."""
    graces = [kind_of(each.resource).grace_seconds(each.obj, None) for each in pods]
    wait = parse_time(namespace["metadata"]["deletionTimestamp"]) + max(graces, default=0) + _SPARE_SECONDS - now
    are_kept = any(kind_of(each.resource).finalizers(each.obj) for each in pods)
    problems: Problems = {}
    if wait <= 0 and not are_kept:
        name = namespace["metadata"]["name"]
        still = f"unexpected items still remain in namespace: {name} for gvr: /v1, Resource=pods"
        problems = failed(f"failed to delete pods for namespace: {name}, err: {still}")
    later = [Requeue(wait)] if wait > 0 else []
    return [*_deletions(pods, namespace), *_status(namespace, problems, now), *later]


def _status(namespace: JSON, problems: Problems, now: float) -> list[Change]:
    changed = with_conditions(namespace, problems, now)

    def refused(message: str) -> JSON:
        return with_conditions(namespace, problems | failed(message), now)

    return [UpdateStatus(NAMESPACES, changed, refused=refused)]


def _finalize(namespace: JSON) -> list[Change]:
    finalizers = [each for each in list_at(namespace, "spec", "finalizers") if each != "kubernetes"]
    finalized = {**namespace, "spec": {**spec_of(namespace), "finalizers": finalizers}}
    return [Update(NAMESPACES, finalized), *([] if finalizers else [delete(NAMESPACES, namespace)])]


class NamespaceController:
    """Reconciles a Namespace that is being deleted, again whenever something in it was deleted."""

    name = "namespace-controller"
    resource = NAMESPACES
    watches = tuple(each.resource for each in KINDS if not each.is_record)

    def __init__(self, listers: Listers, servers: ExtensionAnswers = NO_SERVERS) -> None:
        self._listers = listers
        self._servers = servers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Namespace to look at after a change."""
        if resource is NAMESPACES:
            return [delta.key] if delta.new is None or is_terminating(delta.new) else []
        namespace = self._listers.store.find(NAMESPACES, ObjectKey("", delta.key.namespace))
        return [ObjectKey("", delta.key.namespace)] if namespace and is_terminating(namespace) else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        customs = [each for each in self._listers.customs.stored() if each.namespaced]
        contents = [Dependent(each, obj) for each in (*customs, *CONTENTS) for obj in store.list(each, key.name)]
        return reconcile(store.find(NAMESPACES, key), contents, now, self._servers)

"""Namespaces that are being deleted: first their contents, then the Namespaces.

Pure. Pods get their grace; the Namespace stays Terminating until the last has gone. Follows k8s.io/kubernetes
``pkg/controller/namespace``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeapi.kinds import KINDS, kind_of
from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.scheme import NAMESPACES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Update, delete
from kubecontroller.cleanup.garbagecollector import Dependent
from kubecontroller.listers import Listers

_NAMESPACED = [kind for kind in KINDS if kind.resource.namespaced]
CONTENTS = (
    *(kind.resource for kind in reversed(_NAMESPACED) if kind.makes_pods),
    *(kind.resource for kind in _NAMESPACED if not kind.makes_pods and not kind.is_record),
    *(kind.resource for kind in _NAMESPACED if kind.is_record),
)
"""The resources in the order in which a namespace is emptied: first those that would create others again."""


def reconcile(namespace: JSON | None, contents: Sequence[Dependent]) -> list[Change]:
    """Return the deletion of what is left in a Namespace that is being deleted, and of itself once it is empty.

    ``namespace`` is None when it is gone.
    """
    if namespace is not None and not is_terminating(namespace):
        return []
    deletions: list[Change] = [delete(each.resource, each.obj) for each in contents if not is_terminating(each.obj)]
    if namespace is None or any(not kind_of(each.resource).is_record for each in contents):
        return deletions
    finalizers = [each for each in list_at(namespace, "spec", "finalizers") if each != "kubernetes"]
    finalized = {**namespace, "spec": {**spec_of(namespace), "finalizers": finalizers}}
    removal = [] if finalizers else [delete(NAMESPACES, namespace)]
    return [*deletions, Update(NAMESPACES, finalized), *removal]


class NamespaceController:
    """Reconciles a Namespace that is being deleted, again whenever something in it was deleted."""

    name = "namespace-controller"
    resource = NAMESPACES
    watches = tuple(each.resource for each in KINDS if not each.is_record)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

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
        return reconcile(store.find(NAMESPACES, key), contents)

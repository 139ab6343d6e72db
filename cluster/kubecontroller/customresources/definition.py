"""CustomResourceDefinitions: accept their names, establish them, and delete their objects before them.

Pure. Follows apiextensions-apiserver ``controller/status``, ``controller/establish`` and ``controller/finalizer``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds.customresourcedefinition import CLEANUP
from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.parts import list_at, spec_of, status_of
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, UpdateStatus, delete
from kubecontroller.customresources.names import status_with_names, with_status_condition
from kubecontroller.listers import Listers

_CRDS = CUSTOM_RESOURCE_DEFINITIONS
_IN_PROGRESS = ("Terminating", True, "InstanceDeletionInProgress", "CustomResource deletion is in progress")
_COMPLETED = ("Terminating", False, "InstanceDeletionCompleted", "removed all instances")


def reconcile(
    crd: JSON, others: Sequence[JSON], resource: CustomResource | None, contents: Sequence[JSON], now: float
) -> list[Change]:
    """Return the writes that a definition needs.

    ``others`` are the other definitions of its group, ``contents`` the objects of its kind, which is ``resource``.
    """
    if is_terminating(crd):
        return _empty(crd, resource, contents, now)
    status = status_with_names(crd, others, now)
    return [] if status == status_of(crd) else [UpdateStatus(_CRDS, {**crd, "status": status})]


def _empty(crd: JSON, resource: CustomResource | None, contents: Sequence[JSON], now: float) -> list[Change]:
    finalizers = list_at(crd, "metadata", "finalizers")
    if CLEANUP not in finalizers:
        return []
    if contents and resource is not None:
        status = with_status_condition(status_of(crd), _IN_PROGRESS, now)
        told: list[Change] = [] if status == status_of(crd) else [UpdateStatus(_CRDS, {**crd, "status": status})]
        return [*told, *(delete(resource, each) for each in contents if not is_terminating(each))]
    status = with_status_condition(status_of(crd), _COMPLETED, now)
    metadata = {**crd["metadata"], "finalizers": [each for each in finalizers if each != CLEANUP]}
    return [UpdateStatus(_CRDS, {**crd, "metadata": metadata, "status": status}, has_metadata=True)]


class CustomResourceDefinitionController:
    """Reconciles a definition after its own changes, those of others of its group, and deletions of its objects."""

    name = "customresourcedefinition-controller"
    resource = _CRDS
    watches = (_CRDS,)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the definitions to look at after a change."""
        if resource != _CRDS:
            return [ObjectKey("", resource.qualified)] if delta.new is None else []
        changed = delta.new or delta.old
        if changed is None:
            return []
        # A name that one definition gives up may be one that others of the group wait for.
        others = self._others(changed) if delta.old is not None else []
        return [delta.key, *(ObjectKey("", each["metadata"]["name"]) for each in others)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a definition needs."""
        store = self._listers.store
        crd = store.find(_CRDS, key)
        if crd is None:
            return []
        stored = self._listers.customs.stored()
        resource = next((each for each in stored if each.qualified == key.name), None)
        contents = store.list(resource) if resource is not None and is_terminating(crd) else []
        return reconcile(crd, self._others(crd), resource, contents, now)

    def _others(self, crd: JSON) -> list[JSON]:
        group, name = spec_of(crd).get("group"), crd["metadata"]["name"]
        everyone = self._listers.store.list(_CRDS)
        return [each for each in everyone if spec_of(each).get("group") == group and each["metadata"]["name"] != name]

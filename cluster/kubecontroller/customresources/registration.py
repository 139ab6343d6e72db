"""The APIServices of custom resources: one for every version of a group that a definition serves.

Pure. Follows kube-apiserver's ``controller/crdregistration`` and kube-aggregator's ``controllers/autoregister``. One
that is there already and is not the cluster's own stays as it is: its server answers instead of the definition. One
that has lost its Service becomes available (``controllers/status/local``).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.apipriorities import CUSTOM, new_api_service
from kubeapi.meta import JSON, ObjectKey, format_time, labels_of
from kubeapi.objects.apiservice import ALWAYS, AVAILABLE, MANAGED_LABEL, local_condition
from kubeapi.objects.conditions import is_condition_true, with_condition
from kubeapi.objects.parts import list_at, spec_of, status_of
from kubeapi.scheme import APISERVICES, CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Create, Update, UpdateStatus, delete
from kubecontroller.listers import Listers


def reconcile(name: str, found: JSON | None, definitions: Iterable[JSON], now: float) -> list[Change]:
    """Return the writes that the APIService with a name needs; ``found`` is the one that is there."""
    if found is not None and _needs_status(found):
        status = with_condition(status_of(found), local_condition(format_time(now)))
        return [UpdateStatus(APISERVICES, {**found, "status": status})]
    version, _, group = name.partition(".")
    is_served = any(ObjectKey("", name) in _served(each) for each in definitions)
    wanted = new_api_service(group, version, CUSTOM, ALWAYS)
    if found is None:
        return [Create(APISERVICES, wanted)] if is_served else []
    if labels_of(found).get(MANAGED_LABEL) != ALWAYS:
        return []
    if not is_served:
        return [delete(APISERVICES, found)]
    return [] if found["spec"] == wanted["spec"] else [Update(APISERVICES, {**found, "spec": wanted["spec"]})]


class RegistrationController:
    """Reconciles the APIServices of a definition after its changes, and one that others change or delete."""

    name = "autoregister-controller"
    resource = APISERVICES
    watches = (CUSTOM_RESOURCE_DEFINITIONS, APISERVICES)

    def __init__(self, listers: Listers) -> None:
        self._store = listers.store

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the APIServices to look at after a change."""
        if resource == CUSTOM_RESOURCE_DEFINITIONS:
            return _served(delta.old) ^ _served(delta.new)
        new = delta.new
        is_concerned = new is None or labels_of(new).get(MANAGED_LABEL) == ALWAYS or _needs_status(new)
        return [delta.key] if resource == APISERVICES and is_concerned else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that an APIService needs."""
        return reconcile(
            key.name, self._store.find(APISERVICES, key), self._store.list(CUSTOM_RESOURCE_DEFINITIONS), now
        )


def _needs_status(found: JSON) -> bool:
    """Tell whether an APIService has no Service and is not available yet."""
    return not spec_of(found).get("service") and not is_condition_true(found, AVAILABLE)


def _served(definition: JSON | None) -> set[ObjectKey]:
    """Return the names of the APIServices of a definition."""
    if definition is None:
        return set()
    group = spec_of(definition).get("group", "")
    versions = list_at(definition, "spec", "versions")
    return {ObjectKey("", f"{each.get('name', '')}.{group}") for each in versions if each.get("served")}

"""The status of ResourceQuotas: what the objects of their namespace take.

An admission charges a quota for what comes; this controller counts anew when a quota changes, and when something goes
or takes less. Pure. Follows k8s.io/kubernetes ``pkg/controller/resourcequota`` and ``pkg/quota/v1/resources.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.kind import Kind
from kubeapi.kinds import KINDS, kind_of
from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.parts import map_at
from kubeapi.objects.podresources import added
from kubeapi.quota.charging import counts
from kubeapi.quota.countable import knows, usage_of
from kubeapi.scheme import RESOURCEQUOTAS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, UpdateStatus
from kubecontroller.listers import Listers

_COUNTED = tuple(each for each in KINDS if each.resource.namespaced and not each.is_record)


def reconcile(quota: JSON, objects: Iterable[tuple[Kind, Iterable[JSON]]]) -> list[Change]:
    """Return the change of a quota's status; ``objects`` are those of its namespace, of each kind that it limits."""
    hard = map_at(quota, "spec", "hard")
    used: dict[str, str] = {}
    for kind, found in objects:
        names = [name for name in hard if knows(kind.resource, kind.countable, name)]
        used |= {name: used.get(name, "0") for name in names}
        taken = (usage_of(kind.resource, kind.countable, each) for each in found if counts(kind, quota, each))
        total = added([used, *({name: each[name] for name in names if name in each} for each in taken)])
        used = {name: total[name] for name in used}
    status = {"hard": dict(hard), "used": used}
    return [UpdateStatus(RESOURCEQUOTAS, {**quota, "status": status})] if quota.get("status") != status else []


class ResourceQuotaController:
    """Reconciles the ResourceQuotas of a namespace."""

    name = "resourcequota-controller"
    resource = RESOURCEQUOTAS
    watches = tuple(each.resource for each in _COUNTED)

    def __init__(self, listers: Listers) -> None:
        self._store = listers.store

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the quotas to look at after a change."""
        if resource is RESOURCEQUOTAS and delta.new is not None:
            return [delta.key] if delta.old is None or _is_changed(delta.new, delta.old) else []
        if delta.old is None:
            return []  # the admission has charged for it
        quotas = self._store.list(RESOURCEQUOTAS, delta.key.namespace)
        if delta.new is None:
            return [key_of(each) for each in quotas]
        return [key_of(each) for each in quotas if _differs(each, kind_of(resource), delta.new, delta.old)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a quota needs."""
        quota = self._store.find(RESOURCEQUOTAS, key)
        if quota is None or is_terminating(quota):
            return []
        hard = map_at(quota, "spec", "hard")
        limited = [each for each in _COUNTED if any(knows(each.resource, each.countable, name) for name in hard)]
        return reconcile(quota, [(each, self._store.list(each.resource, key.namespace)) for each in limited])


def _is_changed(new: JSON, old: JSON) -> bool:
    return new.get("spec") != old.get("spec") or map_at(new, "status", "hard") != map_at(new, "spec", "hard")


def _differs(quota: JSON, kind: Kind, new: JSON, old: JSON) -> bool:
    """Tell whether a changed object takes something else of a quota than before: it has ended, or left a scope."""
    if not kind.countable.has_updates:
        return False
    now, before = (usage_of(kind.resource, kind.countable, each) for each in (new, old))
    return now != before or counts(kind, quota, new) != counts(kind, quota, old)

"""The rules of ClusterRoles with an aggregationRule: those of all ClusterRoles that it selects.

Pure. Follows k8s.io/kubernetes ``pkg/controller/clusterroleaggregation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeapi.meta import JSON, ObjectKey, labels_of, matches_selector
from kubeapi.objects.parts import list_at
from kubeapi.scheme import CLUSTERROLES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Update
from kubecontroller.listers import Listers


def reconcile(role: JSON, others: Iterable[JSON]) -> list[Change]:
    """Return the change of an aggregated ClusterRole, nothing if its rules are right."""
    selectors = _selectors(role)
    if not selectors:
        return []
    name = role["metadata"]["name"]
    candidates = sorted(others, key=lambda each: str(each["metadata"]["name"]))
    rules: list[JSON] = []
    for selector in selectors:
        for each in candidates:
            if each["metadata"]["name"] != name and matches_selector(selector, labels_of(each)):
                rules += [rule for rule in list_at(each, "rules") if rule not in rules]
    return [Update(CLUSTERROLES, {**role, "rules": rules})] if rules != list(list_at(role, "rules")) else []


def _selectors(role: JSON) -> Sequence[JSON]:
    return list_at(role, "aggregationRule", "clusterRoleSelectors")


class ClusterRoleAggregationController:
    """Reconciles aggregated ClusterRoles."""

    name = "clusterrole-aggregation-controller"
    resource = CLUSTERROLES
    watches = (CLUSTERROLES,)

    def __init__(self, listers: Listers) -> None:
        self._store = listers.store
        self._aggregated: set[ObjectKey] = set()

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the aggregated ClusterRoles: any change may concern each of them."""
        if delta.new is not None and _selectors(delta.new):
            self._aggregated.add(delta.key)
        else:
            self._aggregated.discard(delta.key)
        return list(self._aggregated)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that an aggregated ClusterRole needs."""
        role = self._store.find(CLUSTERROLES, key)
        return reconcile(role, self._store.list(CLUSTERROLES)) if role is not None else []

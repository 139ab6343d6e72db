"""The status of ValidatingAdmissionPolicies: whether their expressions fit the types of what they match.

Pure. Follows k8s.io/kubernetes ``pkg/controller/validatingadmissionpolicystatus``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.kinds import KINDS
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.parts import spec_of, status_of
from kubeapi.scheme import VALIDATINGADMISSIONPOLICIES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, UpdateStatus
from kubecontroller.listers import Listers


def reconcile(policy: JSON, warnings: list[JSON]) -> list[Change]:
    """Return the status of a policy whose expressions have been checked."""
    checked: JSON = {"expressionWarnings": warnings} if warnings else {}
    generation = policy["metadata"].get("generation", 0)
    status = {**status_of(policy), "observedGeneration": generation, "typeChecking": checked}
    return [UpdateStatus(VALIDATINGADMISSIONPOLICIES, {**policy, "status": status})]


class PolicyStatusController:
    """Checks a policy that is new or changed."""

    name = "validatingadmissionpolicy-status-controller"
    resource = VALIDATINGADMISSIONPOLICIES
    watches = (VALIDATINGADMISSIONPOLICIES,)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the changed policy."""
        return [delta.key] if delta.new is not None else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the status that a policy needs, nothing if it has been checked as it is."""
        policy = self._listers.store.find(VALIDATINGADMISSIONPOLICIES, key)
        if policy is None:
            return []
        if policy["metadata"].get("generation", 0) <= status_of(policy).get("observedGeneration", 0):
            return []
        from kubeapi.policies.typechecking import expression_warnings  # no cluster without policies needs CEL

        return reconcile(policy, expression_warnings(spec_of(policy), self._find))

    def _find(self, group: str, version: str, plural: str) -> Resource | None:
        stored = (each.resource for each in KINDS)
        found = (each for each in stored if (each.group, each.version, each.plural) == (group, version, plural))
        return next(found, None) or self._listers.customs.find(group, version, plural)

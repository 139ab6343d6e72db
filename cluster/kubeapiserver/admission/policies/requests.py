"""All policies of a Store, as one user's request meets them. Pure."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.registry.admission import Action
from kubeapi.scheme import (
    MUTATINGADMISSIONPOLICIES,
    MUTATINGADMISSIONPOLICYBINDINGS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
)
from kubeapi.store import Store
from kubeapiserver.admission.policies.mutating import Changed, mutate, reinvoke
from kubeapiserver.admission.policies.selection import ParamKinds, Policies
from kubeapiserver.admission.policies.validating import validate
from kubeapiserver.admission.policies.variables import Asked
from kubeapiserver.admission.reviews import Requester


class StoredPolicies:
    """The policies of a Store that have bindings, compiled once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kinds = ParamKinds(store)
        self._validating = Policies(store, VALIDATINGADMISSIONPOLICIES, VALIDATINGADMISSIONPOLICYBINDINGS)
        self._mutating = Policies(store, MUTATINGADMISSIONPOLICIES, MUTATINGADMISSIONPOLICYBINDINGS)

    def mutated(self, requester: Requester, action: Action, new: JSON, old: JSON | None) -> Changed:
        """Return the new state as the policies want it; StatusError if one cannot be asked."""
        policies = self._mutating.all()
        if not policies:
            return Changed(new)
        return mutate(policies, Asked(self._store, requester, action), (new, old), self._kinds)

    def reinvoked(self, requester: Requester, action: Action, changed: Changed, old: JSON | None) -> JSON:
        """Return the state after the policies that are asked again about it."""
        return reinvoke(changed, Asked(self._store, requester, action), old)

    def validate(self, requester: Requester, action: Action, new: JSON | None, old: JSON | None) -> list[str]:
        """Return the policies' warnings; StatusError if one denies the request."""
        policies = self._validating.all()
        if not policies:
            return []
        return validate(policies, Asked(self._store, requester, action), (new, old), self._kinds)

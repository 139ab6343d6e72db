"""Whether a webhook is called, by its match conditions (apiserver ``webhook/generic/webhook.go``). Pure."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.registry.admission import Action
from kubeapi.status import Forbidden
from kubeapi.store import Store
from kubeapiserver.admission.hooks import Hook
from kubeapiserver.admission.policies.conditions import ConditionError, all_hold, conditions_of
from kubeapiserver.admission.policies.variables import Asked
from kubeapiserver.admission.reviews import Requester


def is_called(
    hook: Hook, store: Store, requester: Requester, action: Action, states: tuple[JSON | None, JSON | None]
) -> bool:
    """Tell whether the conditions of a webhook hold; Forbidden if that cannot be told and is not to be ignored."""
    variables = Asked(store, requester, action).variables(*states)
    try:
        return all_hold(conditions_of(hook.conditions), variables)
    except ConditionError as error:
        if hook.ignores_failures:
            return False
        raise Forbidden(action.resource, action.key.name, str(error)) from None

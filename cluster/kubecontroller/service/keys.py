"""Which Services a change of something else concerns. Pure."""

from __future__ import annotations

from kubeapi.meta import ObjectKey, labels_of
from kubeapi.objects.endpointslice import MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from kubeapi.watching import Delta
from kubecontroller.listers import Listers


def managed_services(delta: Delta, managed_by: str) -> list[ObjectKey]:
    """Return the Services of a slice, managed by ``managed_by``, that was changed or deleted.

    A new slice concerns none: the controller that manages it has created it.
    """
    if delta.old is None:
        return []
    states = [labels_of(each) for each in (delta.old, delta.new) if each is not None]
    names = {labels.get(SERVICE_NAME_LABEL) for labels in states if labels.get(MANAGED_BY_LABEL) == managed_by}
    return [ObjectKey(delta.key.namespace, name) for name in names if name]


def services_of_pod(listers: Listers, delta: Delta) -> list[ObjectKey]:
    """Return the Services that select a pod, or selected it before the change."""
    states = [labels_of(each) for each in (delta.old, delta.new) if each is not None]
    if len(states) == 2 and states[0] == states[1]:
        states.pop()
    return [key for labels in states for key in listers.services.selecting(delta.key.namespace, labels)]

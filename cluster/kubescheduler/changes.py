"""Which changes of a pod may let others run that wait (the queueing hints of pkg/scheduler/framework/plugins). Pure."""

from __future__ import annotations

from kubeapi.meta import is_terminating, labels_of
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.watching import Delta
from kubescheduler.affinity import NOT_ATTRACTED, REPELLED, REPELLED_BY_OTHERS
from kubescheduler.spreading import UNEVEN

BY_NEIGHBOURS = (NOT_ATTRACTED, REPELLED, REPELLED_BY_OTHERS, UNEVEN)
"""The reasons of pods that wait for others to come, to leave, or to have other labels."""


def has_new_spec(delta: Delta) -> bool:
    """Tell whether a pod's spec changed, not only its status."""
    return delta.old is None or delta.new is None or delta.old["spec"] != delta.new["spec"]


def gives_up_room(delta: Delta) -> bool:
    """Tell whether a pod that waited for room on a node is gone."""
    return delta.old is not None and delta.new is None and "nominatedNodeName" in status_of(delta.old)


def concerns_neighbours(delta: Delta) -> bool:
    """Tell whether a pod is new on its node, has other labels or begins to end, so that it counts otherwise there."""
    old, new = delta.old, delta.new
    if new is None or not read_pod(new).node_name:
        return False
    if old is None or not read_pod(old).node_name:
        return True
    return is_terminating(old) != is_terminating(new) or labels_of(old) != labels_of(new)

"""Chooses the pod of a workload, as ``kubectl logs deployment/NAME`` does. Pure.

Follows k8s.io/kubectl ``pkg/util/podutils`` (ByLogging) and ``pkg/polymorphichelpers``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubeapi.meta import JSON, labels_of, matches_labels, matches_selector
from kubeapi.objects.parts import map_at
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import DAEMONSETS, DEPLOYMENTS, PODS, REPLICASETS, SERVICES, STATEFULSETS, Resource
from kubeapi.status import StatusError
from kubeapi.store import Store

KINDS: dict[str, Resource] = {
    **dict.fromkeys(("pod", "pods", "po"), PODS),
    **dict.fromkeys(("deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"), DEPLOYMENTS),
    **dict.fromkeys(("replicaset", "replicasets", "rs", "replicaset.apps", "replicasets.apps"), REPLICASETS),
    **dict.fromkeys(("statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"), STATEFULSETS),
    **dict.fromkeys(("daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"), DAEMONSETS),
    **dict.fromkeys(("service", "services", "svc"), SERVICES),
}
"""The kinds that have pods, by the names that kubectl accepts."""

_MATCHES: dict[Resource, Callable[[JSON, dict[str, str]], bool]] = {
    SERVICES: matches_labels,
    DEPLOYMENTS: matches_selector,
    REPLICASETS: matches_selector,
    STATEFULSETS: matches_selector,
    DAEMONSETS: matches_selector,
}
"""How the selector of an object is compared with the labels of pods."""

_PHASES = {"Running": 0, "Unknown": 1, "Pending": 2}
_NEVER = float("inf")


class Choice(NamedTuple):
    """The chosen pod, and the number of pods that match."""

    pod: str
    matching: int


def choose_pod(store: Store, namespace: str, target: str) -> Choice:
    """Return the pod of ``NAME`` or ``KIND/NAME``; StatusError if a workload has none. NAME need not exist."""
    kind, slash, name = target.rpartition("/")
    resource = KINDS.get(kind.lower()) if slash else PODS
    if resource is None or not name:
        message = f'{target!r}: write it as "NAME", "pod/NAME", "deployment/NAME", "replicaset/NAME" or "svc/NAME"'
        raise StatusError(400, "BadRequest", message)
    matches = _MATCHES.get(resource)
    if matches is None:
        return Choice(name, 1)
    selector = map_at(store.get(resource, namespace, name), "spec", "selector")
    pods = [each for each in store.list(PODS, namespace) if selector and matches(selector, labels_of(each))]
    if not pods:
        raise StatusError(404, "NotFound", f"{resource.kind.lower()}/{name} has no pods in namespace {namespace}")
    return Choice(min(pods, key=_rank)["metadata"]["name"], len(pods))


def _rank(obj: JSON) -> tuple[bool, int, bool, float, int, str]:
    """Return the sort key: on a node, running, ready, ready for longest, restarted most, oldest first."""
    pod = read_pod(obj)
    since = pod.ready_since
    return (
        not pod.node_name,
        _PHASES.get(pod.phase, 0),
        since is None,
        _NEVER if since is None else since,
        -pod.most_restarts,
        obj["metadata"].get("creationTimestamp") or "~",
    )

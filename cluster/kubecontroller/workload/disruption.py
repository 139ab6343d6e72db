"""PodDisruptionBudgets: how many of their pods may go, which evictions look at.

Pure. Follows k8s.io/kubernetes ``pkg/controller/disruption/disruption.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.kinds import kind_of, resource_for
from kubeapi.meta import JSON, ObjectKey, controller_of, is_terminating, key_of, parse_time
from kubeapi.objects.budget import SYNC_FAILED, read_budget, sufficiency
from kubeapi.objects.parts import map_at, spec_of, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import DEPLOYMENTS, PODDISRUPTIONBUDGETS, PODS, REPLICASETS, Resource
from kubeapi.validation.faults import go_value
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, Requeue, UpdateStatus
from kubecontroller.listers import Listers
from kubecontroller.workload.intstr import scaled_value

DELETION_SECONDS = 120.0
"""How long an evicted pod counts as gone before its deletion is seen (DeletionTimeout)."""

Find = Callable[[Resource, ObjectKey], JSON | None]


class _Expected(NamedTuple):
    """How many pods there should be, how many of them healthy, and the names of those that no controller has."""

    pods: int
    healthy: int
    unmanaged: tuple[str, ...] = ()


class _UnknownCount(Exception):
    """Why the number of pods that there should be is not known."""


def reconcile(budget: JSON, pods: Sequence[JSON], find: Find, now: float) -> list[Change]:
    """Return the status that a budget needs; ``pods`` are all that it selects."""
    changes: list[Change] = []
    if not pods:
        changes.append(RecordEvent(budget, NORMAL, "NoPods", "No matching pods found"))
    try:
        expected = _expected(budget, pods, find)
    except _UnknownCount as error:
        text = f"Failed to calculate the number of expected pods: {error}"
        failed = {**status_of(budget), "disruptionsAllowed": 0}
        failed = read_budget(budget).with_condition(failed, SYNC_FAILED, now, str(error))
        return [RecordEvent(budget, WARNING, "CalculateExpectedPodCountFailed", text), *_written(budget, failed)]
    if expected.unmanaged:
        changes.append(RecordEvent(budget, WARNING, "UnmanagedPods", _unmanaged_text(budget)))
    disrupted, more = _disrupted(budget, pods, now)
    status = _status(budget, pods, expected, disrupted)
    status = read_budget(budget).with_condition(status, sufficiency(status), now)
    return [*changes, *more, *_written(budget, status)]


def _status(budget: JSON, pods: Sequence[JSON], expected: _Expected, disrupted: dict[str, str]) -> JSON:
    healthy = sum(_is_healthy(pod, disrupted) for pod in pods)
    return {
        "conditions": status_of(budget).get("conditions") or [],
        "currentHealthy": healthy,
        "desiredHealthy": expected.healthy,
        "disruptionsAllowed": max(0, healthy - expected.healthy) if expected.pods > 0 else 0,
        "expectedPods": expected.pods,
        "observedGeneration": budget["metadata"].get("generation") or 0,
        **({"disruptedPods": disrupted} if disrupted else {}),
    }


def _written(budget: JSON, status: JSON) -> list[Change]:
    if status == status_of(budget):
        return []
    return [UpdateStatus(PODDISRUPTIONBUDGETS, {**budget, "status": status})]


def _expected(budget: JSON, pods: Sequence[JSON], find: Find) -> _Expected:
    """Return how many pods there should be (getExpectedPodCount)."""
    spec = spec_of(budget)
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most is not None:
        count, unmanaged = _scale(pods, find)
        return _Expected(count, max(0, count - scaled_value(most, count, round_up=True)), unmanaged)
    if isinstance(least, str):
        count, unmanaged = _scale(pods, find)
        return _Expected(count, scaled_value(least, count, round_up=True), unmanaged)
    return _Expected(len(pods), least) if least is not None else _Expected(0, 0)


def _scale(pods: Sequence[JSON], find: Find) -> tuple[int, tuple[str, ...]]:
    """Return how many pods the controllers of some pods want, and the names of those that none has."""
    wanted: dict[str, int] = {}
    unmanaged: list[str] = []
    for pod in pods:
        controller = controller_of(pod)
        if controller is None:
            unmanaged.append(pod["metadata"]["name"])
        elif controller["uid"] not in wanted:
            workload = _workload(pod["metadata"]["namespace"], controller, find)
            if workload is None:
                raise _UnknownCount(f"found no controllers for pod {go_value(pod['metadata']['name'])}")
            wanted[workload["metadata"]["uid"]] = read_workload(workload).replicas
    return sum(wanted.values()), tuple(unmanaged)


def _workload(namespace: str, reference: JSON, find: Find) -> JSON | None:
    """Return what has the number of replicas: a controller, or the Deployment of a ReplicaSet."""
    resource = resource_for(reference.get("apiVersion", ""), reference.get("kind", ""))
    if resource is None:
        version = reference.get("apiVersion", "")
        raise _UnknownCount(f"no matches for kind {go_value(reference.get('kind', ''))} in version {go_value(version)}")
    if not kind_of(resource).is_scalable:
        raise _UnknownCount(f"{resource} does not implement the scale subresource")
    workload = find(resource, ObjectKey(namespace, reference["name"]))
    if workload is None or workload["metadata"]["uid"] != reference["uid"]:
        return None
    owner = controller_of(workload)
    if resource is REPLICASETS and owner is not None and owner["kind"] == DEPLOYMENTS.kind:
        return _workload(namespace, owner, find)
    return workload


def _is_healthy(pod: JSON, disrupted: dict[str, str]) -> bool:
    return not is_terminating(pod) and pod["metadata"]["name"] not in disrupted and read_pod(pod).is_ready


def _disrupted(budget: JSON, pods: Sequence[JSON], now: float) -> tuple[dict[str, str], list[Change]]:
    """Return the evicted pods whose deletion is not seen yet, and the event of each that was not deleted after all."""
    evicted, kept, changes = read_budget(budget).disrupted_pods, dict[str, str](), list[Change]()
    for pod in pods:
        name = pod["metadata"]["name"]
        if name not in evicted or is_terminating(pod):
            continue
        left = parse_time(evicted[name]) + DELETION_SECONDS - now
        if left >= 0:
            kept[name] = evicted[name]
            changes.append(Requeue(left))
        else:
            namespace = budget["metadata"]["namespace"]  # twice, as in Kubernetes' text
            text = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
            changes.append(RecordEvent(pod, WARNING, "NotDeleted", text))
    return kept, changes


def _unmanaged_text(budget: JSON) -> str:
    selector = map_at(budget, "spec", "selector")
    labels = "".join(f"{name}: {value}," for name, value in sorted(map_at(selector, "matchLabels").items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each.get('key')},Operator:{each.get('operator')},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in selector.get("matchExpressions") or ()
    )
    printed = f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement"
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {printed}{{{expressions}}},}}) were found to be "
        "unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined "
        'behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


class DisruptionController:
    """Runs ``reconcile`` for the budgets that a change concerns."""

    name = "controllermanager"
    resource = PODDISRUPTIONBUDGETS
    watches = (PODDISRUPTIONBUDGETS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the budgets to reconcile after a change."""
        if resource is PODDISRUPTIONBUDGETS:
            return [delta.key]
        budgets = self._listers.store.list(PODDISRUPTIONBUDGETS, delta.key.namespace)
        pods = [each for each in (delta.old, delta.new) if each is not None] if budgets else []
        return [key_of(each) for each in budgets if any(map(read_budget(each).selects, pods))]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        budget = store.find(PODDISRUPTIONBUDGETS, key)
        if budget is None:
            return []
        pods = [pod for pod in store.list(PODS, key.namespace) if read_budget(budget).selects(pod)]
        return reconcile(budget, pods, store.find, now)

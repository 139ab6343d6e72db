"""What a pod's classes give it: its priority, and the overhead and the nodes of its runtime. Pure.

Follows k8s.io/kubernetes ``plugin/pkg/admission``: priority, runtimeclass.
"""

from __future__ import annotations

from typing import NoReturn

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.priority import default_class
from kubeapi.scheme import PODS, PRIORITYCLASSES, RUNTIMECLASSES
from kubeapi.serialization.quantity import amount_of
from kubeapi.status import Forbidden

_LOWER = "PreemptLowerPriority"


def give_priority(pod: JSON, objects: Objects) -> None:
    """Set the priority of a new pod's class; Forbidden if there is no such class, or the pod states another value."""
    spec = pod["spec"]
    name = spec.get("priorityClassName")
    found = objects.find(PRIORITYCLASSES, ObjectKey("", name)) if name else default_class(objects)
    if found is None and name:
        _refuse(pod, f"no PriorityClass with name {name} was found")
    if found is not None:
        spec["priorityClassName"] = found["metadata"]["name"]
    computed = found if found is not None else {}
    for field, what, value in (
        ("priority", "integer value of priority", computed.get("value", 0)),
        ("preemptionPolicy", "string value of PreemptionPolicy", computed.get("preemptionPolicy", _LOWER)),
    ):
        asked = spec.setdefault(field, value)
        if asked != value:
            detail = (
                f"the {what} ({asked}) must not be provided in pod spec; priority admission controller computed "
                f"{value} from the given PriorityClass name"
            )
            _refuse(pod, detail)


def keep_priority(new: JSON, old: JSON) -> None:
    """Leave a changed pod the priority that it got."""
    for field in ("priority", "preemptionPolicy"):
        if field in old["spec"]:
            new["spec"].setdefault(field, old["spec"][field])


def give_runtime(pod: JSON, objects: Objects) -> None:
    """Give a new pod what its RuntimeClass says; Forbidden if there is no such class, or the pod says otherwise."""
    spec = pod["spec"]
    name = spec.get("runtimeClassName")
    runtime = objects.find(RUNTIMECLASSES, ObjectKey("", name)) if name else None
    if runtime is None:
        if name:
            _refuse(pod, f'pod rejected: RuntimeClass "{name}" not found')
        if spec.get("overhead"):
            _refuse(pod, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return
    overhead = map_at(runtime, "overhead", "podFixed")
    if spec.get("overhead") and not _is_same(overhead, spec["overhead"]):
        _refuse(pod, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if overhead:
        spec["overhead"] = overhead
    _choose_nodes(pod, map_at(runtime, "scheduling"))


def _choose_nodes(pod: JSON, scheduling: JSON) -> None:
    spec = pod["spec"]
    selector = dict(map_at(spec, "nodeSelector"))
    for label, value in map_at(scheduling, "nodeSelector").items():
        own = selector.setdefault(label, value)
        if own != value:
            runtime = f"runtimeClass.scheduling.nodeSelector[{label}] = {value}"
            _refuse(pod, f"conflict: {runtime}; pod.spec.nodeSelector[{label}] = {own}")
    if selector:
        spec["nodeSelector"] = selector
    tolerations = list_at(spec, "tolerations")
    added = [each for each in list_at(scheduling, "tolerations") if each not in tolerations]
    if added:
        spec["tolerations"] = [*tolerations, *added]


def _is_same(one: JSON, other: JSON) -> bool:
    amounts = [{name: amount_of(str(value)) for name, value in each.items()} for each in (one, other)]
    return amounts[0] == amounts[1]


def _refuse(pod: JSON, detail: str) -> NoReturn:
    metadata = pod["metadata"]
    raise Forbidden(PODS, metadata.get("name") or metadata.get("generateName", ""), detail)

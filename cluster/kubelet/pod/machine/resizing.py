"""The resize of a running pod: what has to be done for its new resources, and what is said of it. Pure.

Follows ``pkg/kubelet/kuberuntime`` (computePodResizeAction, validateMemoryResizeAction) and
``pkg/kubelet/events/resize.go``, and ``pkg/kubelet/allocation`` for what a pod is given of what it asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

from kubeapi.meta import JSON, format_time
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresizing import RESIZE_PENDING
from kubeapi.objects.podresources import CONTAINERS, Amounts, request_of
from kubeapi.objects.priority import priority_of
from kubeapi.serialization.quantity import amount_of
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubelet.pod.machine.state import Given, Resizing
from kubelet.pod.spec import ContainerSpec, PodSpec, Role

IN_PROGRESS = "PodResizeInProgress"
"""The condition of a pod whose resize is not done."""
_STATUSES = ("containerStatuses", "initContainerStatuses")
_NO_LIMIT = "max"


class Memory(NamedTuple):
    """The ``limit`` of a control group, as its file has it, and the bytes that it uses."""

    limit: str
    used: int


def given_to(pod: PodSpec, container: ContainerSpec) -> Given:
    """Return the resources that a container is to have."""
    return Given(container.resources, pod.resources)


def with_resources(spec: JSON, allocated: JSON) -> JSON:
    """Return a pod's spec with the resources of another version of it; ``spec`` itself if they are the same."""
    found = _with(spec, allocated)
    for field in CONTAINERS:
        if list_at(spec, field):
            known = {each["name"]: each for each in list_at(allocated, field)}
            found[field] = [_with(each, known.get(each["name"], each)) for each in spec[field]]
    return spec if found == spec else found


def _with(holder: JSON, other: JSON) -> JSON:
    kept = {name: value for name, value in holder.items() if name != "resources"}
    return {**kept, "resources": other["resources"]} if "resources" in other else kept


def allocated_before(pod: JSON) -> JSON:
    """Return the spec of a pod that was there before its kubelet: with a resize that waited, as its status tells it."""
    if not is_condition_true(pod, RESIZE_PENDING):
        return spec_of(pod)
    has = {each["name"]: each for each in chain.from_iterable(list_at(pod, "status", each) for each in _STATUSES)}
    lists = {name: [has.get(each["name"], each) for each in list_at(pod, "spec", name)] for name in CONTAINERS}
    return with_resources(spec_of(pod), {**spec_of(pod), **lists})


def resize_order(pod: JSON, allocated: Amounts) -> tuple[bool, int, bool]:
    """Return the sort key of a resize that waits (sortPendingResizes); of equal ones the older one comes first."""
    wanted = request_of(pod)
    is_larger = any(wanted.get(name, 0) > allocated.get(name, 0) for name in ("cpu", "memory"))
    return is_larger, -priority_of(pod), read_pod(pod).qos_class != "Guaranteed"


def needs_restart(container: ContainerSpec, given: Given, wanted: Given) -> bool:
    """Tell whether a container's policy asks for a restart at a change of these resources."""
    restarted = {
        each["resourceName"] for each in container.resize_policy if each["restartPolicy"] == "RestartContainer"
    }
    return any(_effective(given, name) != _effective(wanted, name) for name in LIMITED_RESOURCES & restarted)


def _effective(given: Given, name: str) -> list[object]:
    amounts = []
    for kind in ("requests", "limits"):
        own, pod = map_at(given.own, kind), map_at(given.pod, kind)
        amounts.append(amount_of(str(own.get(name) or pod.get(name) or "0")))
    return list(amounts)


def memory_refusal(
    name: str, settings: Mapping[str, str], around: Mapping[str, str], container: Memory, pod: Memory
) -> str:
    """Return why the limits of a container ``name`` and its pod cannot be lowered now, "" if they can."""
    refusals = []
    if _is_too_low(around["memory.max"], pod):
        limit = around["memory.max"]
        refusals.append(f"attempting to set pod memory limit ({limit}) below current usage ({pod.used})")
    if _is_too_low(settings["memory.max"], container):
        limit = settings["memory.max"]
        refusals.append(
            f'attempting to set container "{name}" memory limit ({limit}) below current usage ({container.used})'
        )
    text = f"[{', '.join(refusals)}]" if len(refusals) > 1 else "".join(refusals)
    return f"cannot decrease memory limits: {text}" if text else ""


def _is_too_low(wanted: str, memory: Memory) -> bool:
    is_lower = wanted != _NO_LIMIT and (memory.limit == _NO_LIMIT or int(wanted) < int(memory.limit or wanted))
    return is_lower and memory.used >= int(wanted)


def resize_text(prefix: str, pod: PodSpec, generation: int, error: str = "") -> str:
    """Return the message of an event about a resize: Go's JSON of the resources that are wanted."""
    summary: JSON = {}
    for field, roles in (("initContainers", (Role.INIT, Role.SIDECAR)), ("containers", (Role.MAIN,))):
        allocations = [{"name": each.name, **_present(each)} for each in pod.containers if each.role in roles]
        if allocations:
            summary[field] = allocations
    summary["generation"] = generation
    if error:
        summary["error"] = error
    text = json.dumps(summary, separators=(",", ":"), ensure_ascii=False)
    return f"{prefix}: {text}"


def _present(container: ContainerSpec) -> JSON:
    kept = {
        kind: dict(sorted(container.resources[kind].items()))
        for kind in ("limits", "requests")
        if container.resources.get(kind)
    }
    return {"resources": kept}


def resize_condition(kind: str, reason: str, resizing: Resizing, before: JSON | None, now: float) -> JSON:
    """Return the condition of a resize that waits or is not done (updatedPodResizeCondition)."""
    failure = {"reason": reason, "message": resizing.error} if resizing.error else {}
    is_same = before is not None and before.get("reason") == failure.get("reason")
    since = before.get("lastTransitionTime") if before is not None and is_same else None
    return {
        "type": kind,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": since or format_time(now),
        "observedGeneration": resizing.generation,
        **failure,
    }

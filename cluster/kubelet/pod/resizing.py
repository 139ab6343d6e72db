"""The resize of a running pod: what has to be done for its new resources, and what is said of it. Pure.

Follows ``pkg/kubelet/kuberuntime`` (computePodResizeAction, validateMemoryResizeAction) and
``pkg/kubelet/events/resize.go``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.serialization.quantity import amount_of
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubelet.pod.spec import ContainerSpec, PodSpec, Role
from kubelet.pod.state import Given

_NO_LIMIT = "max"


class Memory(NamedTuple):
    """The ``limit`` of a control group, as its file has it, and the bytes that it uses."""

    limit: str
    used: int


def given_to(pod: PodSpec, container: ContainerSpec) -> Given:
    """Return the resources that a container is to have."""
    return Given(container.resources, pod.resources)


def has_other_resources(before: PodSpec, after: PodSpec) -> bool:
    """Tell whether a pod's new version asks for other resources."""
    return [given_to(before, each) for each in before.containers] != [
        given_to(after, each) for each in after.containers[: len(before.containers)]
    ]


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

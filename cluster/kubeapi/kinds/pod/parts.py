"""The parts of a running pod that change through subresources of their own: ephemeral containers, and resources.

Follows ``pkg/registry/core/pod/strategy.go`` (podEphemeralContainersStrategy, podResizeStrategy) and
``ValidatePodEphemeralContainersUpdate`` and ``ValidatePodResize`` of ``pkg/apis/core/validation``. Pure.
"""

from __future__ import annotations

from typing import Any

from kubeapi.kind import Part
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.objects.qos import qos_class
from kubeapi.validation.faults import Faults, forbidden, invalid

_RESIZABLE = ("resources", "resizePolicy")
_MUTABLE = ("cpu", "memory")
_CONTAINERS = ("containers", "initContainers")


def _with_ephemeral_containers(new: JSON, old: JSON) -> JSON:
    kept = {name: value for name, value in old.items() if name != "ephemeralContainers"}
    added = new.get("ephemeralContainers")
    return {**kept, "ephemeralContainers": added} if added else kept


def _validate_ephemeral_containers(new: JSON, old: JSON) -> Faults:
    by_name = {each.get("name"): each for each in new["spec"].get("ephemeralContainers") or ()}
    for each in old["spec"].get("ephemeralContainers") or ():
        if by_name.get(each["name"]) != each:
            change = "changed" if each["name"] in by_name else "removed"
            text = f'existing ephemeral containers "{each["name"]}" may not be {change}\n'
            yield forbidden("spec.ephemeralContainers", text)


def _with_resources(new: JSON, old: JSON) -> JSON:
    resized = {**old}
    for field in _CONTAINERS:
        wanted = {each.get("name"): each for each in list_at(new, field)}
        if list_at(old, field):
            resized[field] = [_resized(each, wanted.get(each["name"], each)) for each in old[field]]
    if new.get("resources"):
        resized["resources"] = new["resources"]
    return resized


def _resized(old: JSON, new: JSON) -> JSON:
    kept = {name: value for name, value in old.items() if name not in _RESIZABLE}
    return {**kept, **{name: new[name] for name in _RESIZABLE if name in new}}


def _validate_resources(new: JSON, old: JSON) -> Faults:
    if qos_class(new["spec"]) != qos_class(old["spec"]):
        before = status_of(old).get("qosClass", "")
        yield invalid("spec", before, "Pod QOS Class may not change as a result of resizing")
    yield from _validate_change(new["spec"], old["spec"], "spec.resources", "pod-level resource")
    if _others(new["spec"]) != _others(old["spec"]):
        yield forbidden("spec", "only cpu and memory resources are mutable at pod-level\n")
    for field in _CONTAINERS:
        is_other = False
        for index, (after, before) in enumerate(
            zip(list_at(new, "spec", field), list_at(old, "spec", field), strict=True)
        ):
            yield from _validate_change(after, before, f"spec.{field}[{index}].resources", "resource")
            is_other = is_other or _others(after) != _others(before)
        if is_other:
            yield forbidden("spec", "only cpu and memory resources are mutable")


def _validate_change(new: JSON, old: JSON, path: str, what: str) -> Faults:
    """Yield a fault for what was asked for and is not any more."""
    for kind in ("requests", "limits"):
        if map_at(old, "resources", kind).keys() - map_at(new, "resources", kind).keys():
            yield forbidden(f"{path}.{kind}", f"{what} {kind} cannot be removed")


def _others(holder: JSON) -> dict[str, Any]:
    """Return what a container or pod asks for of resources that cannot be changed."""
    kinds = ("requests", "limits")
    return {
        f"{kind}.{name}": value
        for kind in kinds
        for name, value in map_at(holder, "resources", kind).items()
        if name not in _MUTABLE
    }


PARTS = {
    "ephemeralcontainers": Part(_with_ephemeral_containers, _validate_ephemeral_containers),
    "resize": Part(_with_resources, _validate_resources),
}
"""By the name of the subresource."""

"""The parts of a running pod that change through subresources of their own: ephemeral containers, and resources.

Follows ``pkg/registry/core/pod/strategy.go`` (podEphemeralContainersStrategy, podResizeStrategy) and
``ValidatePodEphemeralContainersUpdate`` and ``ValidatePodResize`` of ``pkg/apis/core/validation``. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeapi.kind import Part
from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at, status_of
from kubeapi.objects.qos import qos_class
from kubeapi.validation.faults import Faults, forbidden, invalid

_RESIZABLE = ("resources", "resizePolicy")
_MUTABLE = ("cpu", "memory")


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
    wanted = {each.get("name"): each for each in new.get("containers") or ()}
    containers = [_resized(each, wanted.get(each["name"], each)) for each in old.get("containers") or ()]
    return {**old, "containers": containers}


def _resized(old: JSON, new: JSON) -> JSON:
    kept = {name: value for name, value in old.items() if name not in _RESIZABLE}
    return {**kept, **{name: new[name] for name in _RESIZABLE if name in new}}


def _validate_resources(new: JSON, old: JSON) -> Faults:
    if qos_class(new["spec"]) != qos_class(old["spec"]):
        before = status_of(old).get("qosClass", "")
        yield invalid("spec", before, "Pod QOS Class may not change as a result of resizing")
    is_other = False
    for index, (after, before) in enumerate(_pairs(new, old)):
        for kind in ("requests", "limits"):
            more, less = map_at(after, kind), map_at(before, kind)
            if less.keys() - more.keys():
                path = f"spec.containers[{index}].resources.{kind}"
                yield forbidden(path, f"resource {kind} cannot be removed")
            is_other = is_other or _others(more) != _others(less)
    if is_other:
        yield forbidden("spec", "only cpu and memory resources are mutable\n")


def _pairs(new: JSON, old: JSON) -> Iterator[tuple[JSON, JSON]]:
    """Yield the resources of every container after and before."""
    for after, before in zip(new["spec"]["containers"], old["spec"]["containers"], strict=True):
        yield map_at(after, "resources"), map_at(before, "resources")


def _others(quantities: JSON) -> dict[str, Any]:
    return {name: value for name, value in quantities.items() if name not in _MUTABLE}


PARTS = {
    "ephemeralcontainers": Part(_with_ephemeral_containers, _validate_ephemeral_containers),
    "resize": Part(_with_resources, _validate_resources),
}
"""By the name of the subresource."""

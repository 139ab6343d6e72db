"""Whether the node of a running pod is large enough for its resize (plugin/pkg/admission/podresize). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.podresources import CONTAINERS, amounts_of, request_of
from kubeapi.scheme import NODES, PODS
from kubeapi.status import FieldError, Forbidden


def is_resized(new: JSON, old: JSON) -> bool:
    """Tell whether a pod asks for other resources than before."""
    return list(_resources(new)) != list(_resources(old))


def _resources(pod: JSON) -> Iterator[JSON | None]:
    yield pod["spec"].get("resources")
    for name in CONTAINERS:
        yield from (each.get("resources") for each in list_at(pod, "spec", name))


def check_resize(pod: JSON, objects: Objects) -> None:
    """Raise Forbidden if a pod requests more than its node has in all."""
    name, node_name = pod["metadata"]["name"], pod["spec"].get("nodeName")
    if not node_name:
        return
    node = objects.find(NODES, ObjectKey("", node_name))
    if node is None:
        raise Forbidden(PODS, name, f'node "{node_name}" not found')
    request, has = request_of(pod), amounts_of(map_at(node, "status", "allocatable"))
    lacking = [
        f"{each}, requested: {request[each]}, allocatable: {has.get(each, 0)}"
        for each in ("cpu", "memory")
        if request.get(each, 0) > has.get(each, 0)
    ]
    if lacking:
        refused = Forbidden(PODS, name, f"node didn't have enough allocatable resources: {'; '.join(lacking)}")
        refused.causes = (FieldError("NodeCapacity", "", ""),)
        raise refused

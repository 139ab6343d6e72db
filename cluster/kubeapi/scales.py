"""The subresource ``scale`` as a view of an object: where its replicas are, and the Scale that shows them. Pure.

Follows ``pkg/registry/apps/deployment/storage`` (scaleFromDeployment) and, for custom resources,
apiextensions-apiserver ``registry/customresource/etcd.go``.
"""

from __future__ import annotations

from kubeapi.kind import ScalePaths
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.objects.parts import value_at
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import Resource
from kubeapi.selectors.text import selector_text

_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_WANTED = ("spec", "replicas")


def scale_of(resource: Resource, obj: JSON) -> JSON:
    """Return the Scale of an object with replicas."""
    metadata, paths = obj["metadata"], kind_of(resource).scale_paths
    wanted, status = _of_workload(obj) if paths is None else _of_paths(obj, paths)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in _KEPT if field in metadata},
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def _of_workload(obj: JSON) -> tuple[int, JSON]:
    workload = read_workload(obj)
    return workload.replicas, {"replicas": workload.current_replicas, "selector": selector_text(workload.selector)}


def _of_paths(obj: JSON, paths: ScalePaths) -> tuple[int, JSON]:
    selector = value_at(obj, paths.selector) if paths.selector else None
    status: JSON = {"replicas": value_at(obj, paths.present) or 0}
    return value_at(obj, paths.wanted) or 0, {**status, "selector": selector} if selector else status


def with_replicas(resource: Resource, obj: JSON, replicas: int) -> JSON:
    """Return an object with another number of replicas."""
    paths = kind_of(resource).scale_paths
    return _with(obj, _WANTED if paths is None else paths.wanted, replicas)


def _with(obj: JSON, path: tuple[str, ...], value: int) -> JSON:
    name, *rest = path
    inner = obj.get(name)
    below = inner if isinstance(inner, dict) else {}
    return {**obj, name: _with(below, tuple(rest), value) if rest else value}

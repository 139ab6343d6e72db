"""``scale``: the replicas of an object that has some."""

from __future__ import annotations

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry.registry import Registry
from kubeapi.scheme import Resource
from kubeapi.status import NoSubresource


def scale(registry: Registry, resource: Resource, key: ObjectKey, replicas: int) -> JSON:
    """Set the replicas of an object; NoSubresource for a kind without any, StatusError as for an update."""
    if not kind_of(resource).is_scalable:
        raise NoSubresource
    stored = registry.store.get(resource, *key)
    return registry.update(resource, {**stored, "spec": {**stored["spec"], "replicas": replicas}})

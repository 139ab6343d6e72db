"""``scale``: the replicas of an object that has some. What policies and webhooks review is its Scale."""

from __future__ import annotations

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.registry.admission import ADMIT_ALL, Action, Admission
from kubeapi.registry.preconditions import check_version
from kubeapi.registry.registry import Registry
from kubeapi.scales import scale_of, with_replicas
from kubeapi.scheme import Resource
from kubeapi.status import NoSubresource


def scale(registry: Registry, resource: Resource, key: ObjectKey, replicas: int, version: str = "") -> JSON:
    """Set the replicas of an object; NoSubresource for a kind without any, StatusError as for an update.

    Conflict if the object has not the resourceVersion ``version``; "" for any.
    """
    if not kind_of(resource).is_scalable:
        raise NoSubresource
    stored = registry.store.get(resource, *key)
    check_version(resource, {**stored["metadata"], "resourceVersion": version}, stored["metadata"])
    scaled = with_reviewed_replicas(registry.admission, resource, stored, replicas)
    return registry.acting(ADMIT_ALL).update(resource, scaled)


def with_reviewed_replicas(
    admission: Admission, resource: Resource, stored: JSON, replicas: int, *, dry_run: bool = False
) -> JSON:
    """Return an object with the replicas that policies and webhooks make of those that are asked for; StatusError."""
    before = scale_of(resource, stored)
    action = Action("UPDATE", resource, key_of(stored), "scale", dry_run)
    after = {**before, "spec": {**before["spec"], "replicas": replicas}}
    after = admission.mutated(action, after, before)
    admission.validate(action, after, before)
    return with_replicas(resource, stored, after["spec"]["replicas"])

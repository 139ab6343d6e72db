"""Which ReplicaSet is which version of a Deployment: hash, revision annotations, history.

Pure. Follows k8s.io/kubernetes ``pkg/controller/deployment/util/deployment_util.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, annotations_of, copy_object, is_terminating, owner_reference
from kubeapi.objects.parts import map_at
from kubeapi.objects.workload import MAX_INT32, read_workload
from kubecontroller.workload.deployment.rollout import Limits, Sized
from kubecontroller.workload.hashing import template_hash

HASH_LABEL = "pod-template-hash"
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
REVISION_HISTORY_ANNOTATION = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS_ANNOTATION = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS_ANNOTATION = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION_ANNOTATION,
    REVISION_HISTORY_ANNOTATION,
    DESIRED_REPLICAS_ANNOTATION,
    MAX_REPLICAS_ANNOTATION,
    "deprecated.deployment.rollback.to",
}


def find_new(deployment: JSON, replica_sets: Iterable[JSON]) -> JSON | None:
    """Return the oldest ReplicaSet that has the Deployment's present template, if there is one."""
    wanted = _without_hash(deployment["spec"]["template"])
    same = [each for each in replica_sets if _without_hash(each["spec"]["template"]) == wanted]
    return min(same, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]), default=None)


def _without_hash(template: JSON) -> JSON:
    metadata = {name: value for name, value in map_at(template, "metadata").items() if value}
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def new_replica_set(deployment: JSON) -> JSON:
    """Return the ReplicaSet for the Deployment's present template, still without a size."""
    spec, metadata = deployment["spec"], deployment["metadata"]
    hashed = template_hash(spec["template"], read_workload(deployment).collision_count)
    template, selector = copy_object(spec["template"]), copy_object(spec["selector"])
    labels = {**map_at(template, "metadata", "labels"), HASH_LABEL: hashed}
    template["metadata"] = {**map_at(template, "metadata"), "labels": labels}
    selector["matchLabels"] = {**map_at(selector, "matchLabels"), HASH_LABEL: hashed}
    replica_set_spec = {"replicas": 0, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        replica_set_spec["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{hashed}",
            "namespace": metadata["namespace"],
            "labels": dict(labels),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": replica_set_spec,
    }


def revision_of(obj: JSON) -> int:
    """Return the revision that an object is annotated with, 0 without one."""
    text = annotations_of(obj).get(REVISION_ANNOTATION, "")
    return int(text) if text.isdecimal() else 0


def next_revision(older: Iterable[JSON]) -> int:
    """Return the revision that the newest ReplicaSet must have."""
    return max((revision_of(each) for each in older), default=0) + 1


def with_revision(replica_set: JSON, deployment: JSON, revision: int) -> JSON:
    """Return the ReplicaSet with ``revision`` and the Deployment's annotations; itself if it has them already."""
    before = annotations_of(replica_set)
    annotations = dict(before)
    annotations |= {name: text for name, text in annotations_of(deployment).items() if name not in _NOT_COPIED}
    former = revision_of(replica_set)
    if former < revision:
        annotations[REVISION_ANNOTATION] = str(revision)
        if former:
            history = before.get(REVISION_HISTORY_ANNOTATION)
            annotations[REVISION_HISTORY_ANNOTATION] = f"{history},{former}" if history else str(former)
    return replica_set if annotations == before else with_annotations(replica_set, annotations)


def with_annotations(obj: JSON, annotations: dict[str, str]) -> JSON:
    """Return ``obj`` with these annotations and no others."""
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def resized(replica_set: JSON, replicas: int, limits: Limits) -> JSON:
    """Return the ReplicaSet with a new size, and annotated with the Deployment's size; itself if it has both."""
    annotations = {
        **annotations_of(replica_set),
        DESIRED_REPLICAS_ANNOTATION: str(limits.replicas),
        MAX_REPLICAS_ANNOTATION: str(limits.replicas + limits.max_surge),
    }
    if replicas == read_workload(replica_set).replicas and annotations == annotations_of(replica_set):
        return replica_set
    return with_annotations({**replica_set, "spec": {**replica_set["spec"], "replicas": replicas}}, annotations)


def sized(replica_set: JSON) -> Sized:
    """Return the sizes of a ReplicaSet."""
    workload = read_workload(replica_set)
    return Sized(
        name=workload.name,
        created=replica_set["metadata"].get("creationTimestamp", ""),
        replicas=workload.replicas,
        available=workload.available_replicas,
        desired=_number(replica_set, DESIRED_REPLICAS_ANNOTATION),
        max_replicas=_number(replica_set, MAX_REPLICAS_ANNOTATION),
    )


def _number(obj: JSON, annotation: str) -> int | None:
    text = annotations_of(obj).get(annotation, "")
    return int(text) if text.isdecimal() else None


def past_history(deployment: JSON, old: Iterable[JSON]) -> list[JSON]:
    """Return the old ReplicaSets without pods that revisionHistoryLimit no longer keeps."""
    limit = read_workload(deployment).revision_history_limit
    if limit >= MAX_INT32:
        return []
    alive = sorted((each for each in old if not is_terminating(each)), key=revision_of)
    surplus = max(0, len(alive) - limit)
    return [each for each in alive[:surplus] if _is_at_rest(each)]


def _is_at_rest(replica_set: JSON) -> bool:
    """Tell whether it has no pods, wants none, and its controller knows that."""
    workload = read_workload(replica_set)
    return workload.is_observed and not (workload.current_replicas or workload.replicas)

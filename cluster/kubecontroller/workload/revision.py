"""Which ReplicaSet is which version of a Deployment: hash, revision annotations, history.

Pure. Follows k8s.io/kubernetes ``pkg/controller/deployment/util/deployment_util.go``. The hash is FNV-1a as there, but
over canonical JSON, for Go's own dump of a struct exists only in Go: same form, other letters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from kubeapi.meta import JSON, NAME_SUFFIX_ALPHABET, annotations_of, copy_object, is_terminating, owner_reference
from kubecontroller.workload.rollout import Limits, Sized

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
MAX_INT32 = 2**31 - 1


def template_hash(template: JSON, collision_count: int | None) -> str:
    """Return the letters that tell one pod template from another."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    if collision_count is not None:
        # uint32 in eight bytes, whatever somebody has written into the status.
        text += (collision_count & 0xFFFFFFFF).to_bytes(8, "little")
    fnv = 2166136261
    for byte in text:
        fnv = ((fnv ^ byte) * 16777619) & 0xFFFFFFFF
    return safe_encode(str(fnv))


def safe_encode(text: str) -> str:
    """Return ``text`` in letters that make no words (rand.SafeEncodeString)."""
    return "".join(NAME_SUFFIX_ALPHABET[ord(letter) % len(NAME_SUFFIX_ALPHABET)] for letter in text)


def find_new(deployment: JSON, replica_sets: Iterable[JSON]) -> JSON | None:
    """Return the oldest ReplicaSet that has the Deployment's present template, if there is one."""
    wanted = _without_hash(deployment["spec"]["template"])
    same = [each for each in replica_sets if _without_hash(each["spec"]["template"]) == wanted]
    return min(same, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]), default=None)


def _without_hash(template: JSON) -> JSON:
    metadata = {name: value for name, value in (template.get("metadata") or {}).items() if value}
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def new_replica_set(deployment: JSON) -> JSON:
    """Return the ReplicaSet for the Deployment's present template, still without a size."""
    spec, metadata = deployment["spec"], deployment["metadata"]
    hashed = template_hash(spec["template"], (deployment.get("status") or {}).get("collisionCount"))
    template = copy_object(spec["template"])
    template["metadata"] = {**(template.get("metadata") or {})}
    template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), HASH_LABEL: hashed}
    selector = copy_object(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: hashed}
    replica_set_spec = {"replicas": 0, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        replica_set_spec["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{hashed}",
            "namespace": metadata["namespace"],
            "labels": dict(template["metadata"]["labels"]),
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
    """Return the ReplicaSet annotated as ``revision``, with the Deployment's own annotations; itself if it is so."""
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
    """Return ``obj`` with these annotations only."""
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def resized(replica_set: JSON, replicas: int, limits: Limits) -> JSON:
    """Return the ReplicaSet at a new size, annotated with the Deployment's size that it was made for."""
    annotations = {
        **annotations_of(replica_set),
        DESIRED_REPLICAS_ANNOTATION: str(limits.replicas),
        MAX_REPLICAS_ANNOTATION: str(limits.replicas + limits.max_surge),
    }
    if replicas == replica_set["spec"].get("replicas", 1) and annotations == annotations_of(replica_set):
        return replica_set
    return with_annotations({**replica_set, "spec": {**replica_set["spec"], "replicas": replicas}}, annotations)


def sized(replica_set: JSON) -> Sized:
    """Read of a ReplicaSet what the arithmetic needs."""
    return Sized(
        name=replica_set["metadata"]["name"],
        created=replica_set["metadata"].get("creationTimestamp", ""),
        replicas=replica_set["spec"].get("replicas", 1),
        available=(replica_set.get("status") or {}).get("availableReplicas", 0),
        desired=_number(replica_set, DESIRED_REPLICAS_ANNOTATION),
        max_replicas=_number(replica_set, MAX_REPLICAS_ANNOTATION),
    )


def _number(obj: JSON, annotation: str) -> int | None:
    text = annotations_of(obj).get(annotation, "")
    return int(text) if text.isdecimal() else None


def past_history(deployment: JSON, old: Iterable[JSON]) -> list[JSON]:
    """Return the old ReplicaSets, all at rest, that revisionHistoryLimit no longer keeps."""
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    if limit >= MAX_INT32:
        return []
    alive = sorted((each for each in old if not is_terminating(each)), key=revision_of)
    surplus = max(0, len(alive) - limit)
    return [each for each in alive[:surplus] if _is_at_rest(each)]


def is_observed(replica_set: JSON) -> bool:
    """Tell whether the ReplicaSet's controller has acted on its present spec."""
    observed = (replica_set.get("status") or {}).get("observedGeneration", 0)
    return bool(observed >= replica_set["metadata"].get("generation", 0))


def _is_at_rest(replica_set: JSON) -> bool:
    has_pods = (replica_set.get("status") or {}).get("replicas") or replica_set["spec"].get("replicas", 1)
    return is_observed(replica_set) and not has_pods

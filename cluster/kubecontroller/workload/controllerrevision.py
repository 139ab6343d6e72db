"""ControllerRevisions: the pod templates that a StatefulSet or a DaemonSet has had, as patches that restore them.

Pure. ``kubectl rollout history`` and ``undo`` read them: a revision's data is the strategic merge patch that gives its
owner that template again. Follows k8s.io/kubernetes ``pkg/controller/history``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kubeapi.meta import JSON, annotations_of, labels_of, owner_reference
from kubeapi.objects.parts import map_at
from kubeapi.scheme import CONTROLLERREVISIONS
from kubeapi.serialization.gojson import write_json
from kubecontroller.change import Change, Update
from kubecontroller.workload.hashing import safe_encode

REVISION_LABEL = "controller-revision-hash"
"""On a pod, the revision that it was made from."""
_LONGEST_PREFIX = 223


def template_patch(owner: JSON) -> JSON:
    """Return the patch that restores the owner's present template.

    Its keys are sorted, as those of Go's maps: kubectl compares it by its bytes with one that it makes itself.
    """
    return {"spec": {"template": _sorted({**owner["spec"]["template"], "$patch": "replace"})}}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def template_of(revision: JSON) -> JSON:
    """Return the pod template that a revision restores."""
    return {name: value for name, value in map_at(revision, "data", "spec", "template").items() if name != "$patch"}


def with_template(owner: JSON, revision: JSON) -> JSON:
    """Return the owner with the template of a revision (ApplyRevision)."""
    return {**owner, "spec": {**owner["spec"], "template": template_of(revision)}}


def data_hash(data: JSON, collision_count: int) -> str:
    """Return the hash of a revision's data, in letters (HashControllerRevision: FNV-1 of its JSON)."""
    fnv = 2166136261
    for byte in f"{write_json(data)}{collision_count}".encode():
        fnv = ((fnv * 16777619) & 0xFFFFFFFF) ^ byte
    return safe_encode(str(fnv))


def revision_name(owner: JSON, hashed: str) -> str:
    """Return the name of a revision (ControllerRevisionName)."""
    return f"{owner['metadata']['name'][:_LONGEST_PREFIX]}-{hashed}"


def new_revision(owner: JSON, data: JSON, number: int, name: str, labels: dict[str, str]) -> JSON:
    """Return a ControllerRevision of the owner; ``labels`` are beside those of its template."""
    metadata: JSON = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": {**map_at(owner, "spec", "template", "metadata", "labels"), **labels},
        "ownerReferences": [owner_reference(owner)],
    }
    if annotations := annotations_of(owner):
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }


def number_of(revision: JSON) -> int:
    """Return the number of a revision: the newest has the highest."""
    return revision.get("revision") or 0


def in_order(revisions: Iterable[JSON]) -> list[JSON]:
    """Return revisions, the oldest first (SortControllerRevisions)."""
    return sorted(
        revisions,
        key=lambda each: (number_of(each), each["metadata"].get("creationTimestamp", ""), each["metadata"]["name"]),
    )


def next_number(revisions: Iterable[JSON]) -> int:
    """Return the number of a revision that is newer than all of these."""
    return max(map(number_of, revisions), default=0) + 1


def renumbered(revision: JSON, number: int) -> tuple[JSON, list[Change]]:
    """Return a revision as the newest one, with the write that makes it so, if it is not so yet."""
    if number_of(revision) >= number:
        return revision, []
    newest = {**revision, "revision": number}
    return newest, [Update(CONTROLLERREVISIONS, newest)]


def is_of_revision(pod: JSON, value: str) -> bool:
    """Tell whether a pod was made from the revision with this value of the label."""
    return labels_of(pod).get(REVISION_LABEL) == value


def surplus(past: Sequence[JSON], limit: int) -> list[JSON]:
    """Return the oldest of the past revisions, in order, that a revisionHistoryLimit no longer keeps."""
    return list(past[: max(0, len(past) - limit)]) if limit >= 0 else []

"""Whose deletion deletes the claims of a StatefulSet's pod: persistentVolumeClaimRetentionPolicy as owner references.

Pure. A claim that goes with its StatefulSet is owned by it, one that goes as its pod is one too many by that pod; the
garbage collector does the rest. Claims that somebody else controls are left alone. Follows k8s.io/kubernetes
``pkg/controller/statefulset/stateful_set_utils.go`` (isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod).
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON, owner_reference
from kubeapi.objects.parts import list_at
from kubeapi.objects.statefulset import StatefulSet
from kubecontroller.workload.statefulset.pods import ordinal_of


def with_owners(claim: JSON, stateful_set: StatefulSet, pod: JSON) -> JSON:
    """Return a claim with the owners that the policy asks for; itself if it has them already.

    ``pod`` is as it is stored. A claim of an earlier StatefulSet or pod of the same name is not touched.
    """
    owners = (stateful_set.obj, pod)
    references = list_at(claim, "metadata", "ownerReferences")
    if any(_is_stale(reference, owner) for reference in references for owner in owners):
        return claim
    own = {owner["metadata"].get("uid", "") for owner in owners}
    kept = [each for each in references if each.get("uid") not in own]
    wanted = [] if is_controlled_by_another(claim, stateful_set, pod) else _wanted(stateful_set, pod)
    if _identities(references) == _identities([*kept, *wanted]):
        return claim
    metadata = {name: value for name, value in claim["metadata"].items() if name != "ownerReferences"}
    if kept or wanted:
        metadata["ownerReferences"] = [*kept, *wanted]
    return {**claim, "metadata": metadata}


def is_controlled_by_another(claim: JSON, stateful_set: StatefulSet, pod: JSON) -> bool:
    """Tell whether the policy cannot hold as something else controls the claim; without a policy nobody cares."""
    if not (stateful_set.deletes_claims_with_itself or stateful_set.deletes_claims_when_scaled):
        return False
    own = {stateful_set.obj["metadata"].get("uid", ""), pod["metadata"].get("uid", "")}
    references = list_at(claim, "metadata", "ownerReferences")
    return any(each.get("controller") and each.get("uid") not in own for each in references)


def is_stale(claim: JSON, pod: JSON) -> bool:
    """Tell whether a claim waits for its deletion with an earlier pod of this name."""
    return any(_is_stale(each, pod) for each in list_at(claim, "metadata", "ownerReferences"))


def _is_stale(reference: JSON, owner: JSON) -> bool:
    is_same = (reference.get("apiVersion"), reference.get("kind"), reference.get("name")) == (
        owner["apiVersion"],
        owner["kind"],
        owner["metadata"]["name"],
    )
    return is_same and reference.get("uid") != owner["metadata"].get("uid")


def _wanted(stateful_set: StatefulSet, pod: JSON) -> list[JSON]:
    is_surplus = ordinal_of(pod) not in stateful_set.ordinals
    return list(_owners(stateful_set, pod, is_surplus=is_surplus))


def _owners(stateful_set: StatefulSet, pod: JSON, *, is_surplus: bool) -> Iterator[JSON]:
    if is_surplus and stateful_set.deletes_claims_when_scaled:
        yield owner_reference(pod)
    elif stateful_set.deletes_claims_with_itself:
        yield owner_reference(stateful_set.obj)


def _identities(references: object) -> set[tuple[str, bool]]:
    assert isinstance(references, list | tuple)
    return {(each.get("uid", ""), bool(each.get("controller"))) for each in references}

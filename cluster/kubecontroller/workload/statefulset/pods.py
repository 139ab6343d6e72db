"""The pods of a StatefulSet and their claims: the name, the host name and the storage that each ordinal keeps.

Pure. Follows k8s.io/kubernetes ``pkg/controller/statefulset/stateful_set_utils.go``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, copy_object, labels_of
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.statefulset import StatefulSet, split_pod_name
from kubecontroller.workload.controllerrevision import REVISION_LABEL
from kubecontroller.workload.podcontrol import pod_from_template

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"


def ordinal_of(pod: JSON) -> int:
    """Return the ordinal in a pod's name, -1 if it has none."""
    return split_pod_name(pod["metadata"]["name"])[1]


def is_member(stateful_set: StatefulSet, pod: JSON) -> bool:
    """Tell whether a pod's name is one that the StatefulSet gives."""
    return split_pod_name(pod["metadata"]["name"])[0] == stateful_set.name


def claim_name(stateful_set: StatefulSet, template: JSON, ordinal: int) -> str:
    """Return the name of the claim that a pod gets from one of the claim templates."""
    return f"{template['metadata']['name']}-{stateful_set.name}-{ordinal}"


def has_claim_like(stateful_set: StatefulSet, name: str) -> bool:
    """Tell whether a claim's name is one that a pod of the StatefulSet may have."""
    prefixes = (f"{each['metadata']['name']}-{stateful_set.name}-" for each in stateful_set.claim_templates)
    return any(name.startswith(each) for each in prefixes)


def new_pod(stateful_set: StatefulSet, ordinal: int, revision: str) -> JSON:
    """Return the pod of an ordinal; the StatefulSet has the template of the revision of this name."""
    pod = pod_from_template(stateful_set.obj)
    name = f"{stateful_set.name}-{ordinal}"
    pod["metadata"] |= {"name": name, "labels": {**labels_of(pod), REVISION_LABEL: revision}}
    pod["spec"] |= {"hostname": name}
    if stateful_set.service_name:
        pod["spec"] |= {"subdomain": stateful_set.service_name}
    else:
        pod["spec"].pop("subdomain", None)
    return with_storage(stateful_set, with_identity(pod))


def with_identity(pod: JSON) -> JSON:
    """Return a pod with the labels that tell which one it is."""
    name = pod["metadata"]["name"]
    labels = {**labels_of(pod), POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal_of(pod))}
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}}


def with_storage(stateful_set: StatefulSet, pod: JSON) -> JSON:
    """Return a pod whose volumes named like claim templates are its claims; its other volumes stay."""
    ordinal = ordinal_of(pod)
    claimed = {
        each["metadata"]["name"]: {"claimName": claim_name(stateful_set, each, ordinal)}
        for each in stateful_set.claim_templates
    }
    if not claimed:
        return pod
    volumes = [{"name": name, "persistentVolumeClaim": source} for name, source in claimed.items()]
    volumes += [each for each in list_at(pod, "spec", "volumes") if each["name"] not in claimed]
    return {**pod, "spec": {**pod["spec"], "volumes": volumes}}


def has_identity(pod: JSON) -> bool:
    """Tell whether a pod has the label of its name."""
    return labels_of(pod).get(POD_NAME_LABEL) == str(pod["metadata"]["name"])


def has_storage(stateful_set: StatefulSet, pod: JSON) -> bool:
    """Tell whether a pod's volumes are the claims that it should have."""
    volumes = {each["name"]: map_at(each, "persistentVolumeClaim") for each in list_at(pod, "spec", "volumes")}
    ordinal = ordinal_of(pod)
    return all(
        volumes.get(each["metadata"]["name"], {}).get("claimName") == claim_name(stateful_set, each, ordinal)
        for each in stateful_set.claim_templates
    )


def new_claims(stateful_set: StatefulSet, ordinal: int) -> list[JSON]:
    """Return the claims of a pod, in the order of their templates."""
    claims = []
    for template in stateful_set.claim_templates:
        claim = copy_object(template)
        claim.pop("status", None)
        claim["metadata"] |= {
            "name": claim_name(stateful_set, template, ordinal),
            "namespace": stateful_set.obj["metadata"]["namespace"],
            "labels": {**labels_of(claim), **stateful_set.match_labels},
        }
        claims.append({**claim, "apiVersion": "v1", "kind": "PersistentVolumeClaim"})
    return claims

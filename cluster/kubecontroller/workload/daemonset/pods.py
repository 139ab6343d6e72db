"""Where the pods of a DaemonSet should be, and what they are made of. Pure.

Follows k8s.io/kubernetes ``pkg/controller/daemon`` (nodeShouldRunDaemonPod) and its ``util/daemonset_util.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, annotations_of, labels_of
from kubeapi.objects.daemonset import DaemonSet
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.placement import REQUIRED, matches_node, tolerates
from kubeapi.objects.pod import read_pod
from kubecontroller.workload.controllerrevision import REVISION_LABEL
from kubecontroller.workload.podcontrol import pod_from_template

GENERATION_LABEL = "pod-template-generation"
GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"
_TAINTS = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
"""Taints ``node.kubernetes.io/NAME`` that every pod of a DaemonSet tolerates."""
_HOST_NETWORK_TAINT = ("network-unavailable", "NoSchedule")


class Fit(NamedTuple):
    """Whether a node should have a pod, and whether one that is there may stay."""

    should_run: bool
    may_stay: bool


def daemon_tolerations(spec: JSON) -> list[JSON]:
    """Return the tolerations of a pod's spec, and those of every pod of a DaemonSet."""
    tolerations = list(list_at(spec, "tolerations"))
    taints = (*_TAINTS, _HOST_NETWORK_TAINT) if spec.get("hostNetwork") else _TAINTS
    for name, effect in taints:
        added = {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
        at = next((index for index, each in enumerate(tolerations) if _is_alike(each, added)), len(tolerations))
        tolerations[at : at + 1] = [added]
    return tolerations


def _is_alike(one: JSON, other: JSON) -> bool:
    """Tell whether two tolerations differ in their seconds alone (MatchToleration)."""
    fields = ("key", "operator", "value", "effect")
    return all((one.get(each) or "") == (other.get(each) or "") for each in fields)


def fit_of(daemon_set: DaemonSet, node: JSON) -> Fit:
    """Return whether a Node is one for the pods of a DaemonSet."""
    spec = map_at(daemon_set.template, "spec")
    if spec.get("nodeName") and spec["nodeName"] != node["metadata"]["name"]:
        return Fit(False, False)
    if not matches_node(spec, node):
        return Fit(False, False)
    tolerations = daemon_tolerations(spec)
    effects = {each.get("effect") for each in read_node(node).taints if not tolerates(tolerations, each)}
    if "NoExecute" in effects:
        return Fit(False, False)
    return Fit("NoSchedule" not in effects, True)


def new_pod(daemon_set: DaemonSet, node_name: str, revision_hash: str) -> JSON:
    """Return the pod for a node, which the scheduler brings there as nothing else satisfies its affinity."""
    pod = pod_from_template(daemon_set.obj)
    labels = {**labels_of(pod), REVISION_LABEL: revision_hash}
    if (generation := _generation(daemon_set)) is not None:
        labels[GENERATION_LABEL] = generation
    pod["metadata"]["labels"] = labels
    spec = pod["spec"]
    spec["tolerations"] = daemon_tolerations(spec)
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node_name]}]}
    affinity = {**map_at(spec, "affinity")}
    affinity["nodeAffinity"] = {**map_at(affinity, "nodeAffinity"), REQUIRED: {"nodeSelectorTerms": [term]}}
    spec["affinity"] = affinity
    return pod


def _generation(daemon_set: DaemonSet) -> str | None:
    text = annotations_of(daemon_set.obj).get(GENERATION_ANNOTATION, "")
    return str(int(text)) if text.lstrip("+-").isdecimal() else None


def is_updated(daemon_set: DaemonSet, pod: JSON, revision_hash: str) -> bool:
    """Tell whether a pod is of the present template."""
    labels, generation = labels_of(pod), _generation(daemon_set)
    return labels.get(REVISION_LABEL) == revision_hash or (
        generation is not None and labels.get(GENERATION_LABEL) == generation
    )


def target_node(pod: JSON) -> str:
    """Return the node that a pod is on, or that it was made for; "" if it does not say."""
    if name := read_pod(pod).node_name:
        return name
    for term in list_at(spec_of(pod), "affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms"):
        for each in list_at(term, "matchFields"):
            values = list_at(each, "values")
            if each.get("key") == "metadata.name" and each.get("operator") == "In" and len(values) == 1:
                return str(values[0])
    return ""


def by_node(pods: Iterable[JSON]) -> dict[str, list[JSON]]:
    """Return pods by their nodes, on each the assigned ones first, then the oldest; without those that are over."""
    found: dict[str, list[JSON]] = {}
    for pod in pods:
        reading = read_pod(pod)
        if not (reading.is_finished and reading.is_terminating) and (name := target_node(pod)):
            found.setdefault(name, []).append(pod)
    return {name: in_age_order(each) for name, each in found.items()}


def in_age_order(pods: Sequence[JSON]) -> list[JSON]:
    """Return pods, those with a node first, then the oldest (podByCreationTimestampAndPhase)."""

    def rank(pod: JSON) -> tuple[bool, str, str]:
        metadata = pod["metadata"]
        return not read_pod(pod).node_name, metadata.get("creationTimestamp", ""), metadata["name"]

    return sorted(pods, key=rank)

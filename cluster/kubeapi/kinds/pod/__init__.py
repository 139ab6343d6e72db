"""Pod: defaults, first status, grace (pkg/apis/core/v1/defaults.go, pkg/registry/core/pod/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, Subresource
from kubeapi.kinds.pod.admission import admit_pod, review_pod
from kubeapi.kinds.pod.parts import PARTS
from kubeapi.kinds.pod.validation import validate_pod, validate_pod_creation, validate_pod_update
from kubeapi.meta import JSON
from kubeapi.objects.conditions import conditions_of
from kubeapi.objects.parts import map_at, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.qos import qos_class
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.labelkeys import merge_label_keys
from kubeapi.podspec.profiles import set_apparmor_fields
from kubeapi.podspec.warnings.combined import POD_SPEC, pod_warnings
from kubeapi.quota.pods import PODS as COUNTED_PODS
from kubeapi.scheme import PODS

_STREAM_VERBS = ("create", "get")


def _set_defaults(obj: JSON) -> None:
    """Fill in the spec's defaults, and those that a template does not get (SetDefaults_Pod)."""
    spec = obj.setdefault("spec", {})
    set_pod_spec_defaults(spec)
    spec.setdefault("enableServiceLinks", True)
    containers = (*spec.get("containers", ()), *spec.get("initContainers", ()))
    for container in containers:
        resources = container["resources"]
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                if not port.get("hostPort") and "containerPort" in port:
                    port["hostPort"] = port["containerPort"]
    _set_own_requests(spec, containers)


def _set_own_requests(spec: JSON, containers: tuple[JSON, ...]) -> None:
    """Request what the pod's own limits allow, of resources that no container requests (defaultPodLevelRequests)."""
    limits = map_at(spec, "resources", "limits")
    if limits:
        asked = {name for each in containers for name in map_at(each, "resources", "requests")}
        defaults = {name: value for name, value in limits.items() if name not in asked}
        requests = {**defaults, **map_at(spec, "resources", "requests")}
        if requests:
            spec["resources"] = {**spec["resources"], "requests": requests}


def _prepare(obj: JSON) -> None:
    """Complete the spec of a new pod by its labels, and give it its first status."""
    merge_label_keys(obj)
    set_apparmor_fields(obj)
    obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
    if obj["spec"].get("schedulingGates"):
        obj["status"]["conditions"] = [_gated(obj["metadata"]["creationTimestamp"])]


def _gated(time: str) -> JSON:
    """Return the condition of a pod that is not scheduled yet (applySchedulingGatedCondition)."""
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": time,
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def _keep_observed(new: JSON, old: JSON) -> None:
    """Keep the class of service, and the generations that were observed, where a writer leaves them out."""
    before, status = status_of(old), status_of(new)
    kept = {name: before[name] for name in ("qosClass", "observedGeneration") if before.get(name)}
    kept = {name: value for name, value in kept.items() if not status.get(name)}
    generations: dict[str, list[int]] = {}
    for each in conditions_of(old):
        generations.setdefault(each.get("type", ""), []).append(each.get("observedGeneration") or 0)
    conditions = [_with_generation(each, generations) for each in conditions_of(new)]
    new["status"] = {**status, **kept, **({"conditions": conditions} if conditions else {})}


def _with_generation(condition: JSON, generations: dict[str, list[int]]) -> JSON:
    """Return a condition with the generation that the next one of its type had, unless it has one."""
    known = generations.get(condition.get("type", ""))
    before = known.pop(0) if known else 0
    return (
        {**condition, "observedGeneration": before} if before and not condition.get("observedGeneration") else condition
    )


def _desired_state(obj: JSON) -> object:
    """Return the content without the node, which the scheduler sets."""
    spec = {field: value for field, value in obj["spec"].items() if field != "nodeName"}
    return {field: value for field, value in obj.items() if field not in ("metadata", "status")} | {"spec": spec}


def _grace_seconds(pod: JSON, asked: int | None) -> int:
    """Return the seconds that a pod has to end: 0 before it has a node and after it has ended."""
    reading = read_pod(pod)
    if not reading.node_name or reading.is_finished:
        return 0
    grace: int = pod["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return 1 if grace < 0 else grace


KIND = Kind(
    resource=PODS,
    categories=("all",),
    subresources=(
        Subresource("attach", _STREAM_VERBS, "PodAttachOptions"),
        Subresource("binding", ("create",), "Binding"),
        Subresource("ephemeralcontainers"),
        Subresource("eviction", ("create",), "Eviction", "policy", "v1"),
        Subresource("exec", _STREAM_VERBS, "PodExecOptions"),
        Subresource("log", ("get",)),
        Subresource("portforward", _STREAM_VERBS, "PodPortForwardOptions"),
        Subresource("proxy", ("create", "delete", "get", "patch", "update"), "PodProxyOptions"),
        Subresource("resize"),
        STATUS,
    ),
    field_labels=(
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    set_defaults=_set_defaults,
    admit=admit_pod,
    review=review_pod,
    countable=COUNTED_PODS,
    prepare_for_create=_prepare,
    desired_state=_desired_state,
    parts=PARTS,
    prepare_for_status_update=_keep_observed,
    status_keeps=frozenset(("ownerReferences",)),
    validate=validate_pod,
    validate_create=validate_pod_creation,
    validate_update=validate_pod_update,
    warnings=pod_warnings,
    grace_seconds=_grace_seconds,
    returns_deleted=True,
    apply_rank=60,
    pod_spec=POD_SPEC,
    requires_spec=True,
)

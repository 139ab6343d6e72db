"""What Pods, Deployments and ReplicaSets must be (pkg/apis/{core,apps}/validation)."""

from __future__ import annotations

import re

from kubeapi.meta import JSON, matches_selector
from kubeapi.validation.container import validate_container
from kubeapi.validation.faults import (
    Faults,
    GoText,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_negative,
    one_of,
    required,
    unsupported,
)
from kubeapi.validation.metadata import go_selector, validate_annotations, validate_labels, validate_selector
from kubeapi.validation.names import address, dns1123_label, dns1123_subdomain, qualified_name

_RESTART_POLICIES = frozenset(("Always", "OnFailure", "Never"))
_DNS_POLICIES = frozenset(("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"))
_STRATEGIES = frozenset(("Recreate", "RollingUpdate"))
_PERCENT = re.compile(r"[0-9]+%")
_PERCENT_FAULT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for"
    " validation is '[0-9]+%')"
)
_NO_LABELS = GoText("map[string]string(nil)")
_POD_UPDATE_FAULT = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_CHANGEABLE_POD_FIELDS = frozenset(("activeDeadlineSeconds", "tolerations", "schedulingGates"))


def validate_pod(obj: JSON) -> Faults:
    """Yield every fault of a Pod but those of its metadata."""
    yield from _validate_pod_spec(obj["spec"], "spec")


def validate_pod_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if more of the spec changes than may: images, deadlines, and a node once (the binding)."""
    bound = old["spec"].get("nodeName")
    if bound and new["spec"].get("nodeName") != bound:
        yield forbidden("spec.nodeName", "may not be changed once set")
    if _frozen_part(new["spec"]) != _frozen_part(old["spec"]):
        yield forbidden("spec", _POD_UPDATE_FAULT)


def _frozen_part(spec: JSON) -> JSON:
    frozen = {name: each for name, each in spec.items() if name not in _CHANGEABLE_POD_FIELDS and name != "nodeName"}
    for containers in ("containers", "initContainers"):
        frozen[containers] = [{**each, "image": ""} for each in spec.get(containers, ())]
    return frozen


def _validate_pod_spec(spec: JSON, path: str) -> Faults:
    names: list[str] = [each.get("name", "") for each in spec.get("volumes", ())]
    for index, name in enumerate(names):
        where = f"{path}.volumes[{index}].name"
        yield from each_invalid(where, name, dns1123_label(name)) if name else [required(where)]
        if name in names[:index]:
            yield duplicate(where, name)
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field, ())):
            where = f"{path}.{field}[{index}]"
            yield from validate_container(container, where, frozenset(names), is_init=field == "initContainers")
            if container.get("name") in seen:
                yield duplicate(f"{where}.name", container["name"])
            seen.add(container.get("name", ""))
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from _validate_pod_names(spec, path)
    yield from not_negative(f"{path}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")


def _validate_pod_names(spec: JSON, path: str) -> Faults:
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            yield from each_invalid(f"{path}.{field}", spec[field], dns1123_label(spec[field]))
    for field in ("nodeName", "serviceAccountName"):
        if spec.get(field):
            yield from each_invalid(f"{path}.{field}", spec[field], dns1123_subdomain(spec[field]))
    yield from validate_labels(spec.get("nodeSelector", {}), f"{path}.nodeSelector")
    for index, alias in enumerate(spec.get("hostAliases", ())):
        where = f"{path}.hostAliases[{index}]"
        yield from each_invalid(f"{where}.ip", alias.get("ip", ""), address(alias.get("ip", "")))
        for number, name in enumerate(alias.get("hostnames", ())):
            yield from each_invalid(f"{where}.hostnames[{number}]", name, dns1123_subdomain(name))
    for index, gate in enumerate(spec.get("readinessGates", ())):
        condition = gate.get("conditionType", "")
        where = f"{path}.readinessGates[{index}].conditionType"
        yield from each_invalid(where, condition, qualified_name(condition))


def validate_deployment(obj: JSON) -> Faults:
    """Yield every fault of a Deployment but those of its metadata."""
    spec = obj["spec"]
    yield from _validate_replicated(spec, "deployment")
    yield from _validate_strategy(spec["strategy"])
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        yield from not_negative(f"spec.{field}", spec.get(field))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def validate_replica_set(obj: JSON) -> Faults:
    """Yield every fault of a ReplicaSet but those of its metadata."""
    yield from _validate_replicated(obj["spec"], "replicaset")
    yield from not_negative("spec.minReadySeconds", obj["spec"].get("minReadySeconds"))


def validate_selector_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if the selector changes: it decides whose pods they are."""
    if new["spec"].get("selector") != old["spec"].get("selector"):
        yield invalid("spec.selector", go_selector(new["spec"].get("selector", {})), "field is immutable")


def _validate_replicated(spec: JSON, what: str) -> Faults:
    """Yield faults of replicas, selector and template, which must fit each other."""
    yield from not_negative("spec.replicas", spec.get("replicas"))
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    else:
        faults = list(validate_selector(selector, "spec.selector"))
        yield from faults
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield invalid("spec.selector", go_selector(selector), f"empty selector is invalid for {what}")
            selector = None
        elif faults:
            selector = None
    if "template" not in spec:
        yield required("spec.template")
        return
    yield from _validate_template(spec["template"], selector)


def _validate_template(template: JSON, selector: JSON | None) -> Faults:
    metadata = template.get("metadata", {})
    labels: dict[str, str] = metadata.get("labels", {})
    if selector is not None and not matches_selector(selector, labels):
        yield invalid(
            "spec.template.metadata.labels", labels or _NO_LABELS, "`selector` does not match template `labels`"
        )
    yield from validate_labels(labels, "spec.template.metadata.labels")
    yield from validate_annotations(metadata.get("annotations", {}), "spec.template.metadata.annotations")
    spec = template["spec"]
    yield from _validate_pod_spec(spec, "spec.template.spec")
    if spec["restartPolicy"] in _RESTART_POLICIES - {"Always"}:
        yield unsupported("spec.template.spec.restartPolicy", spec["restartPolicy"], ("Always",))
    if "activeDeadlineSeconds" in spec:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"
        )


def _validate_strategy(strategy: JSON) -> Faults:
    path = "spec.strategy.rollingUpdate"
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        yield unsupported("spec.strategy.type", kind, _STRATEGIES)
    elif kind == "Recreate" and rolling is not None:
        yield forbidden(path, "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate" and rolling is not None:
        unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
        yield from _validate_share(f"{path}.maxUnavailable", unavailable, is_bounded=True)
        yield from _validate_share(f"{path}.maxSurge", surge, is_bounded=False)
        if _is_zero(unavailable) and _is_zero(surge):
            yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")


def _validate_share(path: str, value: int | str, *, is_bounded: bool) -> Faults:
    """Yield faults of a number or percentage of replicas; ``is_bounded`` refuses more than all of them."""
    if isinstance(value, int):
        yield from not_negative(path, value)
    elif not _PERCENT.fullmatch(value):
        yield invalid(path, value, _PERCENT_FAULT)
    elif is_bounded and int(value[:-1]) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def _is_zero(value: int | str) -> bool:
    return value == 0 or (isinstance(value, str) and bool(_PERCENT.fullmatch(value)) and int(value[:-1]) == 0)

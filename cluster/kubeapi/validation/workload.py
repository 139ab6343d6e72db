"""What Pods, Deployments and ReplicaSets must be (pkg/apis/{core,apps}/validation)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubeapi.meta import JSON, matches_selector
from kubeapi.validation.container import validate_spaces
from kubeapi.validation.faults import Faults, GoText, forbidden, go_value, invalid, not_negative, required, unsupported
from kubeapi.validation.metadata import go_selector, validate_annotations, validate_labels, validate_selector
from kubeapi.validation.podspec import validate_pod_spec

_STRATEGIES = frozenset(("Recreate", "RollingUpdate"))
_PERCENT = re.compile(r"[0-9]+%")
_PERCENT_FAULT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for"
    " validation is '[0-9]+%')"
)
_NO_LABELS = GoText("map[string]string(nil)")


def validate_pod(obj: JSON) -> Faults:
    """Yield every fault of a Pod but those of its metadata."""
    spec = obj["spec"]
    yield from validate_pod_spec(spec, "spec", is_pod=True)
    if not spec.get("serviceAccountName"):
        yield from _validate_tokens(spec.get("volumes", ()))
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from validate_spaces(container, f"spec.{field}[{index}]")


def validate_pod_creation(obj: JSON) -> Faults:
    """Yield what only a new Pod may not have."""
    spec = obj["spec"]
    if spec.get("ephemeralContainers"):
        yield forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def _validate_tokens(volumes: Sequence[JSON]) -> Faults:
    for index, volume in enumerate(volumes):
        for number, source in enumerate(volume.get("projected", {}).get("sources") or ()):
            if "serviceAccountToken" in source:
                where = f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken"
                yield forbidden(where, "must not be specified when serviceAccountName is not set")


def validate_deployment(obj: JSON) -> Faults:
    """Yield every fault of a Deployment but those of its metadata."""
    spec = obj["spec"]
    yield from _validate_replicated(spec)
    yield from _validate_strategy(spec["strategy"])
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        yield from not_negative(f"spec.{field}", spec.get(field))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def validate_replica_set(obj: JSON) -> Faults:
    """Yield every fault of a ReplicaSet but those of its metadata."""
    yield from _validate_replicated(obj["spec"])
    yield from not_negative("spec.minReadySeconds", obj["spec"].get("minReadySeconds"))


def validate_selector_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if the selector changes: it decides whose pods they are."""
    if new["spec"].get("selector") != old["spec"].get("selector"):
        yield invalid("spec.selector", go_selector(new["spec"].get("selector") or {}), "field is immutable")


def _validate_replicated(spec: JSON) -> Faults:
    """Yield faults of replicas, selector and template, which must fit each other."""
    yield from not_negative("spec.replicas", spec.get("replicas"))
    selector = spec.get("selector")
    faults = list(validate_selector(selector or {}, "spec.selector"))
    yield from faults
    if selector is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        # The real server speaks of a deployment here whatever the kind.
        yield invalid("spec.selector", go_selector(selector), "empty selector is invalid for deployment")
    if faults:
        yield invalid("spec.selector", go_selector(selector or {}), "invalid label selector")
    else:
        yield from _validate_template(spec["template"], selector)


def _validate_template(template: JSON, selector: JSON | None) -> Faults:
    metadata = template["metadata"]
    labels: dict[str, str] = metadata.get("labels", {})
    if selector is None or not matches_selector(selector, labels):
        yield invalid(
            "spec.template.metadata.labels", labels or _NO_LABELS, "`selector` does not match template `labels`"
        )
    yield from validate_labels(labels, "spec.template.labels")
    yield from validate_annotations(metadata.get("annotations", {}), "spec.template.annotations")
    spec = template["spec"]
    yield from validate_pod_spec(spec, "spec.template.spec", is_pod=False)
    if spec.get("ephemeralContainers"):
        yield forbidden("spec.template.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
    if spec["restartPolicy"] != "Always":
        yield unsupported("spec.template.spec.restartPolicy", spec["restartPolicy"], ("Always",))
    if "activeDeadlineSeconds" in spec:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"
        )


def _validate_strategy(strategy: JSON) -> Faults:
    path = "spec.strategy.rollingUpdate"
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        yield unsupported("spec.strategy", GoText(f'{{"Type":{go_value(kind)},"RollingUpdate":null}}'), _STRATEGIES)
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

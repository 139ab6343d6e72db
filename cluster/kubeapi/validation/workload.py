"""What Deployments and ReplicaSets have in common: replicas, selector and template (pkg/apis/apps/validation)."""

from __future__ import annotations

from kubeapi.backends.validation import validate_backend
from kubeapi.meta import JSON, matches_selector
from kubeapi.objects.parts import map_at
from kubeapi.podspec.validation import validate_pod_spec
from kubeapi.validation.faults import Faults, GoText, forbidden, invalid, not_negative, required, unsupported
from kubeapi.validation.metadata import go_selector, validate_annotations, validate_labels, validate_selector

_NO_LABELS = GoText("map[string]string(nil)")


def validate_selector_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if the selector changes."""
    if new["spec"].get("selector") != old["spec"].get("selector"):
        yield invalid("spec.selector", go_selector(map_at(new, "spec", "selector")), "field is immutable")


def validate_replicated(spec: JSON) -> Faults:
    """Yield faults of replicas, selector and template, which must fit each other."""
    yield from not_negative("spec.replicas", spec.get("replicas"))
    selector = map_at(spec, "selector")
    faults = list(validate_selector(selector, "spec.selector"))
    yield from faults
    if spec.get("selector") is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        # The real server has this text for every kind.
        yield invalid("spec.selector", go_selector(selector), "empty selector is invalid for deployment")
    if faults:
        yield invalid("spec.selector", go_selector(selector), "invalid label selector")
    else:
        yield from _validate_template(spec["template"], spec.get("selector"))


def _validate_template(template: JSON, selector: JSON | None) -> Faults:
    metadata = template["metadata"]
    labels: dict[str, str] = metadata.get("labels", {})
    if selector is None or not matches_selector(selector, labels):
        yield invalid(
            "spec.template.metadata.labels", labels or _NO_LABELS, "`selector` does not match template `labels`"
        )
    yield from validate_labels(labels, "spec.template.labels")
    annotations = metadata.get("annotations", {})
    yield from validate_annotations(annotations, "spec.template.annotations")
    yield from validate_backend(annotations, "spec.template.metadata.annotations")
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

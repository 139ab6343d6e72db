"""What Deployments and ReplicaSets have in common: replicas, selector and template (pkg/apis/apps/validation)."""

from __future__ import annotations

from kubeapi.backends.validation import validate_backend
from kubeapi.meta import JSON, matches_selector
from kubeapi.objects.parts import map_at
from kubeapi.podspec.profiles import validate_profile_annotations
from kubeapi.podspec.validation import validate_pod_spec
from kubeapi.validation.faults import Faults, GoText, forbidden, invalid, not_negative, required, unsupported
from kubeapi.validation.metadata import go_selector, validate_annotations, validate_labels, validate_selector

NO_LABELS = GoText("null")
"""No labels, as error messages show them."""


def validate_selector_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if the selector changes."""
    if new["spec"].get("selector") != old["spec"].get("selector"):
        yield invalid("spec.selector", go_selector(map_at(new, "spec", "selector")), "field is immutable")


def validate_replicated(spec: JSON) -> Faults:
    """Yield faults of replicas, selector and template, which must fit each other."""
    yield from not_negative("spec.replicas", spec.get("replicas"))
    faults = list(validate_selection(spec, "deployment"))  # the text of both kinds
    yield from faults
    if any(each.field != "spec.selector" for each in faults):
        yield invalid("spec.selector", go_selector(map_at(spec, "selector")), "invalid label selector")
    else:
        yield from validate_matching_template(spec["template"], spec.get("selector"))


def validate_selection(spec: JSON, kind: str) -> Faults:
    """Yield the faults of a selector, which must be there and select something; ``kind`` is as the text names it."""
    selector = map_at(spec, "selector")
    yield from validate_selector(selector, "spec.selector")
    if spec.get("selector") is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", go_selector(selector), f"empty selector is invalid for {kind}")


def validate_matching_template(template: JSON, selector: JSON | None, kind: str = "ReplicaSet") -> Faults:
    """Yield the faults of the template of pods that run for ever, and that a selector selects."""
    labels: dict[str, str] = template["metadata"].get("labels", {})
    if selector is None or not matches_selector(selector, labels):
        yield invalid(
            "spec.template.metadata.labels", labels or NO_LABELS, "`selector` does not match template `labels`"
        )
    yield from validate_template(template, "spec.template")
    yield from validate_endless(template["spec"], "spec.template.spec", kind)


def validate_endless(spec: JSON, path: str, kind: str) -> Faults:
    """Yield the faults of a template's pods that would end; ``kind`` is that of the workload, or its relative."""
    if spec["restartPolicy"] != "Always":
        yield unsupported(f"{path}.restartPolicy", spec["restartPolicy"], ("Always",))
    if "activeDeadlineSeconds" in spec:
        yield forbidden(f"{path}.activeDeadlineSeconds", f"activeDeadlineSeconds in {kind} is not Supported")


def validate_template(template: JSON, path: str) -> Faults:
    """Yield the faults of a template of pods (ValidatePodTemplateSpec)."""
    metadata, spec = template["metadata"], template["spec"]
    yield from validate_labels(metadata.get("labels", {}), f"{path}.labels")
    annotations = metadata.get("annotations", {})
    yield from validate_annotations(annotations, f"{path}.annotations")
    yield from validate_profile_annotations(annotations, spec, f"{path}.annotations")
    yield from validate_backend(annotations, f"{path}.metadata.annotations")
    yield from validate_pod_spec(spec, f"{path}.spec", is_pod=False)
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")

"""PodTemplate: a template that is stored, and that no controller makes pods from (ValidatePodTemplate)."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.warnings.combined import added_warnings
from kubeapi.podspec.workload import validate_template
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import PODTEMPLATES
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults

_POD_SPEC = ("template", "spec")


def _set_defaults(obj: JSON) -> None:
    set_pod_spec_defaults(obj.setdefault("template", {}).setdefault("spec", {}))


def _desired_state(obj: JSON) -> object:
    return obj["template"]


def _validate(obj: JSON) -> Faults:
    return validate_template(obj["template"], "template")


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    yield from added_warnings(before, after, config, _POD_SPEC)


KIND = Kind(
    resource=PODTEMPLATES,
    set_defaults=_set_defaults,
    desired_state=_desired_state,
    validate=_validate,
    warnings=_warnings,
    pod_spec=_POD_SPEC,
)

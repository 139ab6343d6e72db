"""What the writer of an annotation for seccomp or AppArmor is told: to use a field (pkg/api/pod/warnings.go). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.podspec.profiles import APPARMOR, SECCOMP_CONTAINER, SECCOMP_POD
from kubeapi.status import FieldError
from kubeapi.validation.warnings import warning

_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'


def pod_profile_advice(annotations: Mapping[str, str], spec: JSON, path: str) -> Iterator[FieldError]:
    """Yield the warning of the seccomp annotation of a whole pod; ``path`` is of its annotations."""
    if SECCOMP_POD in annotations and "seccompProfile" not in map_at(spec, "securityContext"):
        yield warning(f"{path}[{SECCOMP_POD}]", _SECCOMP)


def container_profile_advice(
    annotations: Mapping[str, str], spec: JSON, container: JSON, path: str, *, is_template: bool
) -> Iterator[FieldError]:
    """Yield the warnings of a container's annotations; ``spec`` is the pod's."""
    context, name = map_at(container, "securityContext"), container.get("name", "")
    if SECCOMP_CONTAINER + name in annotations and "seccompProfile" not in context:
        yield warning(f"{path}[{SECCOMP_CONTAINER}{name}]", _SECCOMP)
    if APPARMOR + name in annotations and _is_told(spec, context, is_template=is_template):
        yield warning(f"{path}[{APPARMOR}{name}]", _APPARMOR)


def _is_told(spec: JSON, context: JSON, *, is_template: bool) -> bool:
    """Tell whether an AppArmor annotation is warned of: in a template, unless the field is there.

    A pod's field is made from the annotation, unless the pod as a whole has the same profile.
    """
    has_field = "appArmorProfile" in context
    if is_template:
        return not has_field
    return map_at(spec, "os").get("name") != "windows" and (
        has_field or "appArmorProfile" not in map_at(spec, "securityContext")
    )

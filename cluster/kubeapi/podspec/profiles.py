"""The annotations that named profiles of seccomp and AppArmor before fields did (pkg/apis/core/validation).

A new pod's AppArmor annotation becomes the field of its container (pkg/registry/core/pod applyAppArmorVersionSkew);
those of seccomp do nothing any more. What they name is judged all the same, and must not contradict the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import list_at, map_at
from kubeapi.podspec.volumes.paths import descending_path
from kubeapi.validation.faults import Faults, forbidden, invalid

SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_LOCAL = "localhost/"
_SECCOMP_TYPES = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}
_APPARMOR_TYPES = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default",)}


def containers_of(spec: JSON, path: str) -> Iterator[tuple[str, JSON]]:
    """Yield the containers of a pod with their paths."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from ((f"{path}.{kind}[{index}]", each) for index, each in enumerate(list_at(spec, kind)))


def validate_profile_annotations(annotations: Mapping[str, str], spec: JSON, path: str) -> Faults:
    """Yield the faults of what annotations name; ``path`` is theirs (ValidatePodSpecificAnnotations)."""
    if not annotations:
        return
    if SECCOMP_POD in annotations:
        yield from _validate_seccomp(annotations[SECCOMP_POD], f"{path}.{SECCOMP_POD}")
    for key, value in annotations.items():
        if key.startswith(SECCOMP_CONTAINER):
            yield from _validate_seccomp(value, f"{path}.{key}")
    names = {each.get("name", "") for _, each in containers_of(spec, "")}
    for key, value in annotations.items():
        name = key.removeprefix(APPARMOR)
        if name == key:
            continue
        if name not in names:
            yield invalid(f"{path}[{key}]", name, "container not found")
        if not value.startswith(_LOCAL) and value not in ("", "runtime/default", "unconfined"):
            yield invalid(f"{path}[{key}]", value, f'invalid AppArmor profile name: "{value}"')


def _validate_seccomp(value: str, path: str) -> Faults:
    if value.startswith(_LOCAL):
        yield from descending_path(value.removeprefix(_LOCAL), path)
    elif all(value not in known for known in _SECCOMP_TYPES.values()):
        yield invalid(path, value, "must be a valid seccomp profile")


class _Field(NamedTuple):
    """A profile that a field names, and the annotation beside it."""

    path: str
    profile: JSON
    annotation: str | None


def validate_profile_fields(pod: JSON) -> Faults:
    """Yield the fields of a new pod that contradict its annotations."""
    annotations, spec = annotations_of(pod), pod["spec"]
    if not annotations:
        return
    context, where = map_at(spec, "securityContext"), "spec.securityContext"
    containers = list(containers_of(spec, "spec"))
    seccomp = [_Field(f"{where}.seccompProfile", map_at(context, "seccompProfile"), annotations.get(SECCOMP_POD))]
    seccomp += _fields(containers, "seccompProfile", annotations, SECCOMP_CONTAINER)
    for each in seccomp:
        yield from _contradiction(each, "seccomp", _SECCOMP_TYPES)
    for each in _fields(containers, "appArmorProfile", annotations, APPARMOR):
        yield from _contradiction(each, "apparmor", _APPARMOR_TYPES)


def _fields(
    containers: list[tuple[str, JSON]], field: str, annotations: Mapping[str, str], prefix: str
) -> Iterator[_Field]:
    for path, each in containers:
        profile = map_at(each, "securityContext", field)
        yield _Field(f"{path}.securityContext.{field}", profile, annotations.get(prefix + each.get("name", "")))


def _contradiction(field: _Field, what: str, types: Mapping[str, tuple[str, ...]]) -> Faults:
    kind, annotation = field.profile.get("type"), field.annotation
    if not kind or annotation is None:
        return
    if kind == "Localhost" and annotation.startswith(_LOCAL):
        if annotation.removeprefix(_LOCAL) != field.profile.get("localhostProfile"):
            yield forbidden(f"{field.path}.localhostProfile", f"{what} profile in annotation and field must match")
    elif annotation not in types.get(kind, ()):
        yield forbidden(f"{field.path}.type", f"{what} type in annotation and field must match")


def set_apparmor_fields(pod: JSON) -> None:
    """Give the containers of a new pod the AppArmor profiles that only annotations name, and the pod does not have."""
    annotations, spec = annotations_of(pod), pod["spec"]
    if not any(key.startswith(APPARMOR) for key in annotations) or map_at(spec, "os").get("name") == "windows":
        return
    of_pod = map_at(spec, "securityContext", "appArmorProfile")
    for _, each in containers_of(spec, "spec"):
        profile = _profile(annotations.get(APPARMOR + each.get("name", ""), ""))
        context = map_at(each, "securityContext")
        if profile and "appArmorProfile" not in context and profile != of_pod:
            each["securityContext"] = {**context, "appArmorProfile": profile}


def _profile(annotation: str) -> JSON:
    """Return the field's value for an annotation, {} if there is none."""
    local = annotation.removeprefix(_LOCAL) if annotation.startswith(_LOCAL) else ""
    if local and local == local.strip():
        return {"type": "Localhost", "localhostProfile": local}
    return next(({"type": kind} for kind, names in _APPARMOR_TYPES.items() if annotation in names), {})

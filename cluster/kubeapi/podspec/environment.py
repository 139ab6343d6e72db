"""What the environment of a container must be (pkg/apis/core/validation ValidateEnv, ValidateEnvFrom)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.podspec.fields import validate_field_reference, validate_resource_reference
from kubeapi.podspec.volumes.paths import no_backsteps
from kubeapi.validation.faults import Faults, each_invalid, invalid, not_found, required
from kubeapi.validation.metadata import masked
from kubeapi.validation.names import config_key, dns1123_label, dns1123_subdomain, environment_variable

_FIELD_PATHS = frozenset(
    (
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    )
)
_TOO_MANY_SOURCES = "may not have more than one field specified at a time"
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def validate_environment(container: JSON, path: str) -> Faults:
    """Yield the faults of a container's variables and of the objects that it takes variables from."""
    for index, variable in enumerate(container.get("env", ())):
        where, name = f"{path}.env[{index}]", variable.get("name", "")
        if name:
            yield from each_invalid(f"{where}.name", name, environment_variable(name))
        else:
            yield required(f"{where}.name")
        if "valueFrom" in variable:
            yield from _validate_source(variable, f"{where}.valueFrom")
    yield from _validate_objects(container.get("envFrom", ()), f"{path}.envFrom")


def _validate_objects(sources: Sequence[JSON], path: str) -> Faults:
    for index, source in enumerate(sources):
        where, prefix = f"{path}[{index}]", source.get("prefix", "")
        if prefix:
            yield from each_invalid(f"{where}.prefix", prefix, environment_variable(prefix))
        given = [each for each in ("configMapRef", "secretRef") if each in source]
        for each in given:
            name = source[each].get("name", "")
            yield from (
                each_invalid(f"{where}.{each}.name", name, dns1123_subdomain(masked(name)))
                if name
                else [required(f"{where}.{each}.name")]
            )
        if not given:
            yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid(path, "", _TOO_MANY_SOURCES)


def _validate_source(variable: JSON, path: str) -> Faults:
    source = variable["valueFrom"]
    given = [each for each in _SOURCES if each in source]
    if "fieldRef" in source:
        yield from validate_field_reference(source["fieldRef"], f"{path}.fieldRef", _FIELD_PATHS)
    if "resourceFieldRef" in source:
        where = f"{path}.resourceFieldRef"
        yield from validate_resource_reference(source["resourceFieldRef"], where, needs_container=False)
    for reference in ("configMapKeyRef", "secretKeyRef"):
        if reference in source:
            name, key = source[reference].get("name", ""), source[reference].get("key", "")
            yield from each_invalid(f"{path}.{reference}.name", name, dns1123_subdomain(name))
            if key:
                yield from each_invalid(f"{path}.{reference}.key", key, config_key(key))
            else:
                yield required(f"{path}.{reference}.key")
    if "fileKeyRef" in source:
        yield from _validate_file_key(source["fileKeyRef"], f"{path}.fileKeyRef")
    if not given:
        choices = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        yield invalid(path, "", f"must specify one of: {choices}")
    elif variable.get("value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", _TOO_MANY_SOURCES)


def _validate_file_key(reference: JSON, path: str) -> Faults:
    for field, judge in (("key", environment_variable), ("volumeName", dns1123_label)):
        value = reference.get(field, "")
        yield from each_invalid(f"{path}.{field}", value, judge(value)) if value else [required(f"{path}.{field}")]
    file = reference.get("path", "")
    yield from no_backsteps(file, f"{path}.path") if file else [required(f"{path}.path")]


def validate_env_volumes(spec: JSON, path: str) -> Faults:
    """Yield a fault for each variable from a file that is in no emptyDir of the pod (validateFileKeyRefVolumes)."""
    for field in _CONTAINERS:
        for number, container in enumerate(spec.get(field) or ()):
            for index, variable in enumerate(container.get("env", ())):
                if reference := variable.get("valueFrom", {}).get("fileKeyRef"):
                    where = f"{path}.{field}[{number}].env[{index}].valueFrom.fileKeyRef.volumeName"
                    yield from _validate_env_volume(reference.get("volumeName", ""), spec, where)


def _validate_env_volume(name: str, spec: JSON, path: str) -> Faults:
    volume = next((each for each in spec.get("volumes", ()) if each.get("name") == name), None)
    if volume is None:
        yield not_found(path, name)
    elif "emptyDir" not in volume:
        yield invalid(path, name, "referenced volume must be of type emptyDir")

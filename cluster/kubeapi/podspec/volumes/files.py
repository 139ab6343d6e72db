"""What the files of a volume must be: their names, permissions and where their contents come from."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.podspec.fields import validate_field_reference, validate_resource_reference
from kubeapi.podspec.volumes.paths import non_reserved_path
from kubeapi.validation.faults import Faults, invalid, required

_FIELD_PATHS = frozenset(
    ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
)
_LARGEST_MODE = 0o777


def validate_mode(source: JSON, path: str, field: str = "defaultMode") -> Faults:
    """Yield a fault of file permissions outside 0 to 0777."""
    mode = source.get(field)
    if mode is not None and not 0 <= mode <= _LARGEST_MODE:
        yield invalid(f"{path}.{field}", mode, "must be a number between 0 and 0777 (octal), both inclusive")


def validate_item(item: JSON, path: str) -> Faults:
    """Yield the faults of a key of a ConfigMap or Secret and the file that it becomes."""
    for field in ("key", "path"):
        if not item.get(field):
            yield required(f"{path}.{field}")
    yield from non_reserved_path(item.get("path", ""), f"{path}.path")
    yield from validate_mode(item, path, "mode")


def validate_downward_file(file: JSON, path: str) -> Faults:
    """Yield the faults of a file with a field of the pod."""
    if not file.get("path"):
        yield required(f"{path}.path")
    yield from non_reserved_path(file.get("path", ""), f"{path}.path")
    if "fieldRef" in file:
        yield from validate_field_reference(file["fieldRef"], f"{path}.fieldRef", _FIELD_PATHS)
        if "resourceFieldRef" in file:
            yield invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif "resourceFieldRef" in file:
        where = f"{path}.resourceFieldRef"
        yield from validate_resource_reference(file["resourceFieldRef"], where, needs_container=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from validate_mode(file, path, "mode")

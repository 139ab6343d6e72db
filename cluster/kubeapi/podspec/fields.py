"""What references to a pod's own fields and resources must be (the downward API, pkg/apis/core/validation)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, unsupported
from kubeapi.validation.names import qualified_name

_LABELS = frozenset(
    (
        "metadata.annotations",
        "metadata.labels",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "spec.schedulerName",
        "status.phase",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
        "spec.host",
    )
)
"""Field paths of the downward API (ConvertDownwardAPIFieldLabel); each use allows only some of them."""
_CPU = ("limits.cpu", "requests.cpu")
_MEMORY = ("limits.memory", "requests.memory")
_STORAGE = ("limits.ephemeral-storage", "requests.ephemeral-storage")
_RESOURCES = frozenset((*_CPU, *_MEMORY, *_STORAGE))
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def validate_field_reference(reference: JSON, path: str, allowed: frozenset[str]) -> Faults:
    """Yield the faults of a fieldRef; ``allowed`` are the paths that may stand there."""
    field, where = reference.get("fieldPath", ""), f"{path}.fieldPath"
    if not field:
        yield required(where)
        return
    if reference.get("apiVersion") != "v1":
        yield invalid(where, field, f"error converting fieldPath: unsupported pod version: {reference['apiVersion']}")
        return
    name, bracket, key = field.removesuffix("']").partition("['")
    if not (field.endswith("']") and bracket and name):
        if field not in _LABELS:
            yield invalid(where, field, f"error converting fieldPath: field label not supported: {field}")
        elif field.replace("spec.host", "spec.nodeName") not in allowed:
            yield unsupported(where, field, allowed)
    elif name == "metadata.annotations":
        yield from each_invalid(path, key.lower(), qualified_name(key.lower()))
    elif name == "metadata.labels":
        yield from each_invalid(path, key, qualified_name(key))
    else:
        yield invalid(where, field, f"error converting fieldPath: field label does not support subscript: {field}")


def validate_resource_reference(reference: JSON, path: str, *, needs_container: bool) -> Faults:
    """Yield the faults of a resourceFieldRef; in a volume it must say of which container."""
    name, divisor = reference.get("resource", ""), reference.get("divisor", "0")
    if needs_container and not reference.get("containerName"):
        yield required(f"{path}.containerName")
    elif not name:
        yield required(f"{path}.resource")
    elif name not in _RESOURCES and not name.startswith(_HUGE_PAGES):
        yield unsupported(f"{path}.resource", name, _RESOURCES)
    if divisor == "0":
        return
    kinds = ((_MEMORY, "memory"), (_STORAGE, "local ephemeral storage"))
    kind = next((text for names, text in kinds if name in names), "")
    if name in _CPU and divisor not in ("1m", "1"):
        yield invalid(f"{path}.divisor", name, "only divisor's values 1m and 1 are supported with the cpu resource")
    elif (kind or name.startswith(_HUGE_PAGES)) and divisor not in _SIZES:
        detail = f"only divisor's values {', '.join(_SIZES)} are supported with the {kind or 'hugepages'} resource"
        yield invalid(f"{path}.divisor", name, detail)

"""ConfigMap (pkg/apis/core/validation ValidateConfigMap)."""

from __future__ import annotations

import base64

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import CONFIGMAPS
from kubeapi.validation.configdata import validate_immutable, validate_key, validate_size
from kubeapi.validation.faults import WHOLE, Faults, invalid


def _validate(obj: JSON) -> Faults:
    texts, binaries = obj.get("data", {}), obj.get("binaryData", {})
    size = 0
    for key, value in texts.items():
        yield from validate_key("data", key)
        if key in binaries:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        size += len(value.encode(errors="replace"))
    for key, value in binaries.items():
        yield from validate_key("binaryData", key)
        size += len(base64.b64decode(value))
    yield from validate_size(WHOLE, size)


def _validate_update(new: JSON, old: JSON) -> Faults:
    return validate_immutable(new, old, ("data", "binaryData"))


KIND = Kind(
    resource=CONFIGMAPS,
    validate=_validate,
    validate_update=_validate_update,
    lists_update_faults_first=True,
    apply_rank=20,
)

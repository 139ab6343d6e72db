"""ConfigMap (pkg/apis/core/validation ValidateConfigMap)."""

from __future__ import annotations

import base64

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import CONFIGMAPS
from kubeapi.validation.faults import WHOLE, Faults, each_invalid, forbidden, invalid, too_long
from kubeapi.validation.names import config_key

_SIZE_LIMIT = 1024 * 1024
"""Bytes of all values together (MaxSecretSize)."""


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a ConfigMap but those of its metadata."""
    texts, binaries = obj.get("data", {}), obj.get("binaryData", {})
    size = 0
    for key, value in texts.items():
        yield from each_invalid(f"data[{key}]", key, config_key(key))
        if key in binaries:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        size += len(value.encode(errors="replace"))
    for key, value in binaries.items():
        yield from each_invalid(f"binaryData[{key}]", key, config_key(key))
        size += len(base64.b64decode(value))
    if size > _SIZE_LIMIT:
        yield too_long(WHOLE, _SIZE_LIMIT)


def _validate_update(new: JSON, old: JSON) -> Faults:
    """Yield faults if an immutable ConfigMap changes."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden("immutable", "field is immutable when `immutable` is set")
    for field in ("data", "binaryData"):
        if new.get(field) != old.get(field):
            yield forbidden(field, "field is immutable when `immutable` is set")


KIND = Kind(
    resource=CONFIGMAPS,
    validate=_validate,
    validate_update=_validate_update,
    lists_update_faults_first=True,
    apply_rank=20,
)

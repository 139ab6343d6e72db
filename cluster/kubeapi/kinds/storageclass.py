"""StorageClass (pkg/apis/storage/v1/defaults.go, pkg/apis/storage/validation)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import STORAGECLASSES
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, too_long, unsupported
from kubeapi.validation.names import qualified_name

_POLICIES = frozenset(("Delete", "Retain"))
_MODES = frozenset(("Immediate", "WaitForFirstConsumer"))
_IMMUTABLE = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
_MOST_PARAMETERS, _MOST_BYTES = 512, 256 * 1024


def _set_defaults(obj: JSON) -> None:
    for name, value in (("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")):
        if obj.get(name) is None:
            obj[name] = value


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a StorageClass but those of its metadata."""
    provisioner = obj.get("provisioner") or ""
    if not provisioner:
        yield required("provisioner")
    else:
        yield from each_invalid("provisioner", provisioner.lower(), qualified_name(provisioner.lower()))
    yield from _validate_parameters(map_at(obj, "parameters"))
    if obj["reclaimPolicy"] and obj["reclaimPolicy"] not in _POLICIES:
        yield unsupported("reclaimPolicy", obj["reclaimPolicy"], _POLICIES)
    if obj["volumeBindingMode"] not in _MODES:
        yield unsupported("volumeBindingMode", obj["volumeBindingMode"], _MODES)
    for index, term in enumerate(list_at(obj, "allowedTopologies")):
        for number, each in enumerate(list_at(term, "matchLabelExpressions")):
            path, key = f"allowedTopologies[{index}].matchLabelExpressions[{number}]", each.get("key", "")
            if not each.get("values"):
                yield required(f"{path}.values")
            yield from each_invalid(f"{path}.key", key, qualified_name(key))


def _validate_parameters(parameters: dict[str, str]) -> Faults:
    if len(parameters) > _MOST_PARAMETERS:
        yield too_long("parameters", _MOST_PARAMETERS)
        return
    if "" in parameters:
        yield invalid("parameters", "", "field can not be empty.")
    if sum(len(f"{name}{value}".encode()) for name, value in parameters.items()) > _MOST_BYTES:
        yield too_long("parameters", _MOST_BYTES)


def _validate_update(new: JSON, old: JSON) -> Faults:
    for name in _IMMUTABLE:
        if new.get(name) != old.get(name):
            yield invalid(name, None, "field is immutable")  # a real server shows no value here


KIND = Kind(
    resource=STORAGECLASSES,
    set_defaults=_set_defaults,
    validate=_validate,
    validate_update=_validate_update,
    returns_deleted=True,
    apply_rank=15,
)

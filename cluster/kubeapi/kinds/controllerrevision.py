"""ControllerRevision (pkg/apis/apps/validation, pkg/registry/apps/controllerrevision/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import CONTROLLERREVISIONS
from kubeapi.validation.faults import Faults, invalid, not_negative, required


def _set_defaults(obj: JSON) -> None:
    obj.setdefault("revision", 0)


def _validate(obj: JSON) -> Faults:
    yield from not_negative("revision", obj.get("revision"))


def _validate_create(obj: JSON) -> Faults:
    if obj.get("data") is None:
        yield required("data", "data is mandatory")
    elif not isinstance(obj["data"], dict):
        yield required("data", "data must be a valid JSON object")


def _validate_update(new: JSON, old: JSON) -> Faults:
    if new.get("data") != old.get("data"):
        yield invalid("data", new.get("data"), "field is immutable")


KIND = Kind(
    resource=CONTROLLERREVISIONS,
    set_defaults=_set_defaults,
    validate=_validate,
    validate_create=_validate_create,
    validate_update=_validate_update,
    apply_rank=70,
    is_authored=False,
)

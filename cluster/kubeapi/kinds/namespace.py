"""Namespace (pkg/registry/core/namespace/strategy.go, plugin/pkg/admission/namespace/lifecycle)."""

from __future__ import annotations

from kubeapi.kind import ALL_VERBS, STATUS, Kind, Part, Subresource
from kubeapi.meta import JSON, is_terminating
from kubeapi.scheme import NAMESPACES
from kubeapi.validation.faults import Faults
from kubeapi.validation.metadata import validate_finalizer
from kubeapi.validation.names import dns1123_label

INITIAL_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that every cluster has from its start; the first three cannot be deleted."""

_FINALIZER = "kubernetes"
"""Removed by the namespace controller when the namespace is empty."""


def _set_defaults(obj: JSON) -> None:
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _prepare_for_create(obj: JSON) -> None:
    _set_defaults(obj)  # the name may have been generated
    given = obj.get("spec", {}).get("finalizers", [])
    obj["spec"] = {"finalizers": given if _FINALIZER in given else [*given, _FINALIZER]}
    obj["status"] = {"phase": "Active"}


def _prepare_for_update(new: JSON, old: JSON) -> None:
    """Keep the finalizers, which only ``finalize`` changes, and the controller of a Namespace that is being deleted."""
    if not is_terminating(old):
        new["spec"] = old["spec"]


def _finalized(new: JSON, old: JSON) -> JSON:
    return {**old, "finalizers": new.get("finalizers", [])}


def _no_faults(new: JSON, old: JSON) -> Faults:
    return iter(())


def _validate(obj: JSON) -> Faults:
    for finalizer in obj.get("spec", {}).get("finalizers", ()):
        yield from validate_finalizer(finalizer, "spec.finalizers", "spec.finalizers")


def _finalizers(obj: JSON) -> list[str]:
    return [*obj.get("spec", {}).get("finalizers", ()), *obj["metadata"].get("finalizers", ())]


def _deletion_refusal(name: str) -> str:
    return "this namespace may not be deleted" if name in INITIAL_NAMESPACES[:3] else ""


def _begin_deletion(obj: JSON) -> None:
    del obj["metadata"]["deletionGracePeriodSeconds"]
    obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}


KIND = Kind(
    resource=NAMESPACES,
    verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
    subresources=(Subresource("finalize", ("update",)), STATUS),
    field_labels=("status.phase",),
    parts={"finalize": Part(_finalized, _no_faults)},
    set_defaults=_set_defaults,
    prepare_for_create=_prepare_for_create,
    prepare_for_update=_prepare_for_update,
    validate_name=dns1123_label,
    validate=_validate,
    finalizers=_finalizers,
    deletion_refusal=_deletion_refusal,
    begin_deletion=_begin_deletion,
    returns_deleted=True,
    apply_rank=0,
)

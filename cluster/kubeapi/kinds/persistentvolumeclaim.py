"""PersistentVolumeClaim (pkg/apis/core/validation, pkg/registry/core/persistentvolumeclaim/strategy.go).

Its admission is that of ``plugin/pkg/admission/storage``: a finalizer protects it, the default class is filled in, and
only a bound claim of a class that allows it may grow.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import STATUS, Kind, Objects
from kubeapi.limits import claim_refusal
from kubeapi.meta import JSON, ObjectKey, annotations_of
from kubeapi.objects.claim import default_class, read_claim
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.objects.storage import CLASS_ANNOTATION
from kubeapi.quota.others import CLAIMS
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, STORAGECLASSES
from kubeapi.status import FieldError, Forbidden
from kubeapi.validation.claim import claim_warnings, validate_claim_spec
from kubeapi.validation.faults import Faults, forbidden, invalid
from kubeapi.validation.warnings import verbatim

PROTECTION = "kubernetes.io/pvc-protection"
_DEPRECATED = 'deprecated since v1.8; use "storageClassName" attribute instead'
_MUTABLE = "resources.requests and volumeAttributesClassName for bound claims"
_SNAPSHOTS = ("snapshot.storage.k8s.io", "VolumeSnapshot")


def _set_defaults(obj: JSON) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending"}
    _normalize_sources(obj["spec"])


def _prepare_for_update(new: JSON, old: JSON) -> None:
    _normalize_sources(new.setdefault("spec", {}))


def _normalize_sources(spec: JSON) -> None:
    """Drop a dataSource that is neither a claim nor a snapshot; else both fields say the same (KEP-1495)."""
    source = spec.get("dataSource")
    if source is not None and "dataSourceRef" not in spec:
        is_claim = not source.get("apiGroup") and source.get("kind") == "PersistentVolumeClaim"
        if not is_claim and (source.get("apiGroup"), source.get("kind")) != _SNAPSHOTS:
            del spec["dataSource"]
            return
        spec["dataSourceRef"] = dict(source)
    elif source is None and "dataSourceRef" in spec and not spec["dataSourceRef"].get("namespace"):
        spec["dataSource"] = dict(spec["dataSourceRef"])


def _admit(new: JSON, old: JSON | None, objects: Objects) -> None:
    if old is None:
        default = None if read_claim(new).has_class else default_class(objects.list(STORAGECLASSES))
        if default is not None:
            new["spec"]["storageClassName"] = default["metadata"]["name"]
        finalizers = list_at(new, "metadata", "finalizers")
        if PROTECTION not in finalizers:
            new["metadata"]["finalizers"] = [*finalizers, PROTECTION]


def _validate(obj: JSON) -> Faults:
    yield from validate_claim_spec(obj["spec"], "spec")


def _validate_update(new: JSON, old: JSON) -> Faults:
    after, before = read_claim(new), read_claim(old)
    if annotations_of(new).get(CLASS_ANNOTATION) != annotations_of(old).get(CLASS_ANNOTATION):
        value = annotations_of(new).get(CLASS_ANNOTATION, "")
        yield invalid(f"metadata.annotations[{CLASS_ANNOTATION}]", value, "field is immutable")
    if _frozen(new["spec"], old) != _frozen(old["spec"], old, new):
        yield forbidden("spec", f"spec is immutable after creation except {_MUTABLE}\n")
    if after.requested < before.requested and after.requested <= before.capacity:
        yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
    if new["spec"].get("volumeMode") != old["spec"].get("volumeMode"):
        yield invalid("volumeMode", new["spec"].get("volumeMode"), "field is immutable")


def _frozen(spec: JSON, old: JSON, new: JSON | None = None) -> JSON:
    """Return what of a spec must stay; ``new`` is given for the old one, to take over what may be set once."""
    before = old["spec"]
    free = set() if before.get("volumeName") else {"volumeName"}
    if before.get("storageClassName") is None:
        free.add("storageClassName")
    kept = {name: value for name, value in spec.items() if name not in free}
    if status_of(old).get("phase") == "Bound":
        kept.pop("volumeAttributesClassName", None)
        requests = {name: value for name, value in map_at(spec, "resources", "requests").items() if name != "storage"}
        kept["resources"] = {**map_at(spec, "resources"), "requests": requests}
    return kept


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    if CLASS_ANNOTATION in annotations_of(after):
        path = f"metadata.annotations[{CLASS_ANNOTATION}]"
        yield verbatim(path, f"{path}: {_DEPRECATED}")
    yield from claim_warnings(after["spec"], "spec")


def _review(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Refuse a claim that the LimitRanges of its namespace do not allow, or that cannot become larger."""
    if refusal := claim_refusal(new, objects):
        raise Forbidden(PERSISTENTVOLUMECLAIMS, new["metadata"]["name"], refusal)
    if old is not None:
        _review_size(new, old, objects)


def _review_size(new: JSON, old: JSON, objects: Objects) -> None:
    """Refuse to make a bound claim larger whose class does not allow it (PersistentVolumeClaimResize)."""
    before = read_claim(old)
    if "storage" not in map_at(new, "spec", "resources", "requests") or read_claim(new).requested <= before.requested:
        return
    storage_class = objects.find(STORAGECLASSES, ObjectKey("", before.storage_class))
    if storage_class is None or not storage_class.get("allowVolumeExpansion"):
        detail = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize"
        )
        raise Forbidden(PERSISTENTVOLUMECLAIMS, new["metadata"]["name"], detail)


KIND = Kind(
    resource=PERSISTENTVOLUMECLAIMS,
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    admit=_admit,
    review=_review,
    countable=CLAIMS,
    prepare_for_create=_set_first_status,
    prepare_for_update=_prepare_for_update,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    returns_deleted=True,
    apply_rank=50,
    requires_spec=True,
)

"""CustomResourceDefinition (apiextensions-apiserver ``registry/customresourcedefinition``).

What the definitions mean is in ``kubeapi.customresources``; the controller ``kubecontroller.customresources`` accepts
their names and removes the objects of those that are deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.conditions import with_condition
from kubeapi.objects.parts import list_at, status_of
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults
from kubeapi.validation.names import dns1123_subdomain
from kubeapi.validation.warnings import verbatim

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer under which the objects of a definition are deleted before it."""


def _set_defaults(crd: JSON) -> None:
    names = crd.setdefault("spec", {}).setdefault("names", {})
    kind = names.get("kind", "")
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    conversion = crd["spec"].setdefault("conversion", {"strategy": "None"})
    service = conversion.get("webhook", {}).get("clientConfig", {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def _prepare_for_create(crd: JSON) -> None:
    crd["status"] = {"storedVersions": []}
    _note_stored_version(crd)


def _prepare_for_update(new: JSON, old: JSON) -> None:
    new["status"] = dict(status_of(old))
    _note_stored_version(new)


def _note_stored_version(crd: JSON) -> None:
    stored = crd["status"].get("storedVersions") or []
    storage = [each["name"] for each in list_at(crd, "spec", "versions") if each.get("storage") and each.get("name")]
    crd["status"]["storedVersions"] = [*stored, *(each for each in storage[:1] if each not in stored)]


def _begin_deletion(crd: JSON) -> None:
    finalizers = crd["metadata"].get("finalizers", [])
    del crd["metadata"]["deletionGracePeriodSeconds"]
    crd["metadata"]["generation"] -= 1  # the deletion of a definition is no change of it
    crd["metadata"]["finalizers"] = [*finalizers, *([CLEANUP] if CLEANUP not in finalizers else [])]
    message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    condition = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": crd["metadata"]["deletionTimestamp"],
        "reason": "InstanceDeletionPending",
        "message": message,
    }
    crd["status"] = with_condition(status_of(crd), condition)


def _finalizers(crd: JSON) -> list[str]:
    """Return what has to be done first: a definition that is deleted for the first time waits for its objects."""
    metadata = crd["metadata"]
    kept: list[str] = metadata.get("finalizers", [])
    return kept if metadata.get("deletionTimestamp") else [*kept, CLEANUP]


# The rules of schemas are imported for the first definition: no start needs them, and most clusters have none.


def _validate(crd: JSON) -> Faults:
    from kubeapi.kinds.customresourcedefinition.validation import validate

    return validate(crd)


def _validate_create(crd: JSON) -> Faults:
    from kubeapi.kinds.customresourcedefinition.validation import validate_create

    return validate_create(crd)


def _validate_update(new: JSON, old: JSON) -> Faults:
    from kubeapi.kinds.customresourcedefinition.validation import validate_update

    return validate_update(new, old)


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterable[FieldError]:
    """Yield what is accepted and not acted on."""
    known = list(_unchecked(before)) if before is not None else []
    yield from (each for each in dict.fromkeys(_unchecked(after)) if each not in known)


def _unchecked(crd: JSON) -> Iterable[FieldError]:
    from kubeapi.customresources.schema.validation import can_match
    from kubeapi.kinds.customresourcedefinition.schemas import unknown_formats, walk

    for index, version in enumerate(crd["spec"]["versions"]):
        schema, path = version["schema"]["openAPIV3Schema"], f"spec.versions[{index}].schema.openAPIV3Schema"
        for each in unknown_formats(schema):
            yield verbatim(path, f'unrecognized format "{each}"')
        for each in {found["pattern"]: None for found in walk(schema) if not can_match(found.get("pattern", ""))}:
            yield verbatim(path, f'{path}: pattern "{each}" is not checked: kubesvc cannot read it')


KIND = Kind(
    resource=CUSTOM_RESOURCE_DEFINITIONS,
    categories=("api-extensions",),
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    prepare_for_create=_prepare_for_create,
    prepare_for_update=_prepare_for_update,
    desired_state=lambda crd: crd.get("spec"),
    allows_unconditional_update=False,
    validate_name=dns1123_subdomain,
    validate=_validate,
    validate_create=_validate_create,
    validate_update=_validate_update,
    warnings=_warnings,
    finalizers=_finalizers,
    begin_deletion=_begin_deletion,
    returns_deleted=True,
    apply_rank=5,
    requires_spec=True,
)

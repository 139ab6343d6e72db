"""The faults of the versions of a CustomResourceDefinition: schemas, subresources, columns, selectable fields. Pure.

Paths are those of Kubernetes' internal version, in which what all versions have alike is at the top of the spec:
``spec.validation`` in place of ``spec.versions[0].schema``.
"""

from __future__ import annotations

from kubeapi.customresources.schema.pruning import field_of
from kubeapi.kinds.customresourcedefinition.schemas import schema_faults
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.validation.faults import Faults, invalid, required, too_many
from kubeapi.validation.names import dns1035_label

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SELECTABLE_LIMIT = 8
_SHARED = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")


def _is_shared(versions: list[JSON], field: str) -> bool:
    """Tell whether all versions have the same value of a field, so that Kubernetes has it at the top of the spec."""
    return all(each.get(field) == versions[0].get(field) for each in versions)


def version_faults(spec: JSON) -> Faults:
    """Yield the faults of what is said of single versions."""
    versions = [*list_at(spec, "versions")]
    for index, each in enumerate(versions):
        if not each.get("schema", {}).get("openAPIV3Schema"):
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema")
    for index, each in enumerate(versions):
        path, name = f"spec.versions[{index}]", each.get("name", "")
        if faults := dns1035_label(name):
            yield invalid(f"{path}.name", name, ",".join(faults))
        yield from _deprecation_faults(each, f"{path}.deprecationWarning")
        if not _is_shared(versions, "schema"):
            yield from _schema_faults(each, f"{path}.schema.openAPIV3Schema", has_status=_has_status(each))
        if not _is_shared(versions, "subresources"):
            yield from _subresource_faults(each, f"{path}.subresources")
        if not _is_shared(versions, "additionalPrinterColumns"):
            yield from _column_faults(each, path)
        if not _is_shared(versions, "selectableFields"):
            yield from _selectable_faults(each, f"{path}.selectableFields")
    names = [each.get("name") for each in versions]
    if len(set(names)) != len(names):
        yield invalid("spec.versions", _internal(versions), "must contain unique version names")
    if sum(bool(each.get("storage")) for each in versions) != 1:
        yield invalid("spec.versions", _internal(versions), "must have exactly one version marked as storage version")
    if versions and (faults := dns1035_label(versions[0].get("name", ""))):
        yield invalid("spec.version", versions[0].get("name", ""), ",".join(faults))


def _internal(versions: list[JSON]) -> list[JSON]:
    """Return versions as Kubernetes' internal structs print them; what all have alike is not in them."""
    own = [name for name in _SHARED if not _is_shared(versions, name)]
    return [
        {
            "Name": each.get("name", ""),
            **{f"{name[0].upper()}{name[1:]}": bool(each.get(name)) for name in ("served", "storage", "deprecated")},
            "DeprecationWarning": each.get("deprecationWarning"),
            **{f"{name[0].upper()}{name[1:]}": each.get(name) if name in own else None for name in _SHARED},
        }
        for each in versions
    ]


def shared_faults(spec: JSON) -> Faults:
    """Yield the faults of what all versions have alike."""
    versions = [*list_at(spec, "versions")]
    if not versions:
        return
    first = versions[0]
    if _is_shared(versions, "schema"):
        has_status = any(map(_has_status, versions))
        yield from _schema_faults(first, "spec.validation.openAPIV3Schema", has_status=has_status)
    if _is_shared(versions, "subresources"):
        yield from _subresource_faults(first, "spec.subresources")
    if _is_shared(versions, "additionalPrinterColumns"):
        yield from _column_faults(first, "spec")
    if _is_shared(versions, "selectableFields"):
        yield from _selectable_faults(first, "spec.selectableFields")


def _has_status(version: JSON) -> bool:
    return "status" in version.get("subresources", {})


def _schema_faults(version: JSON, path: str, *, has_status: bool) -> Faults:
    schema = version.get("schema", {}).get("openAPIV3Schema")
    if schema:
        yield from schema_faults(schema, path, has_status=has_status)


def _deprecation_faults(version: JSON, path: str) -> Faults:
    text = version.get("deprecationWarning")
    if text is None:
        return
    if not version.get("deprecated"):
        yield invalid(path, text, "can only be set for deprecated versions")
        return
    if len(text) > 256:
        yield invalid(path, text, "must be <= 256 characters long")
    if not text:
        yield invalid(path, text, "must not be an empty string")
    for index, each in enumerate(text):
        if not each.isprintable():
            found = f"non-printable character found at index {index}"
            yield invalid(path, text, f"must only contain printable UTF-8 characters; {found}")
            return


def _column_faults(version: JSON, path: str) -> Faults:
    choices = ",".join(_COLUMN_TYPES)
    for index, column in enumerate(version.get("additionalPrinterColumns", ())):
        where, kind, form = (
            f"{path}.additionalPrinterColumns[{index}]",
            column.get("type", ""),
            column.get("format", ""),
        )
        if not column.get("name"):
            yield required(f"{where}.name")
        if not kind:
            yield required(f"{where}.type", f"must be one of {choices}")
        elif kind not in _COLUMN_TYPES:
            yield invalid(f"{where}.type", kind, f"must be one of {choices}")
        if form and form not in _COLUMN_FORMATS:
            yield invalid(f"{where}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
        yield from _path_faults(column.get("jsonPath", ""), f"{where}.JSONPath")


def _path_faults(text: str, path: str) -> Faults:
    if not text:
        yield required(path)
    elif not text.startswith("."):
        yield invalid(path, text, "must be a simple json path starting with .")


def _subresource_faults(version: JSON, path: str) -> Faults:
    scale = version.get("subresources", {}).get("scale")
    if scale is None:
        return
    for field, begin in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        text, where = scale.get(field, ""), f"{path}.scale.{field}"
        yield from _path_faults(text, where)
        if text.startswith(".") and not text.startswith(begin):
            yield invalid(where, text, f"should be a json path under {begin.removesuffix('.')}")
    text = scale.get("labelSelectorPath", "")
    if text and not text.startswith((".spec.", ".status.")):
        yield invalid(f"{path}.scale.labelSelectorPath", text, "should be a json path under either .spec or .status")


def _selectable_faults(version: JSON, path: str) -> Faults:
    fields, seen = version.get("selectableFields", ()), set[str]()
    for index, each in enumerate(fields):
        where, text = f"{path}[{index}].jsonPath", each.get("jsonPath", "")
        if not text:
            yield required(where)
            continue
        schema: JSON | None = version.get("schema", {}).get("openAPIV3Schema", {})
        for name in text.removeprefix(".").split("."):
            schema = field_of(schema, name)
        if schema is None:
            yield invalid(where, text, "is an invalid path: does not refer to a valid field")
            continue
        if text.startswith(".metadata"):
            yield invalid(where, text, "must not point to fields in metadata")
        if schema.get("type") not in ("string", "boolean", "integer"):
            scalar = "must point to a field of type string, boolean or integer."
            yield invalid(where, text, f"{scalar} Enum string fields and strings with formats are allowed.")
        seen.add(text)
    if len(seen) > _SELECTABLE_LIMIT:
        yield too_many(path, len(seen), _SELECTABLE_LIMIT)

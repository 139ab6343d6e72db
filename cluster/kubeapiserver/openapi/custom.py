"""The schemas of custom resources in OpenAPI documents (apiextensions-apiserver ``controller/openapi/builder``). Pure.

References are as in ``kubeapi.schema``'s definitions; the documents write them in their own form.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.customresources.resource import CustomResource, Definition
from kubeapi.customresources.schema.pruning import EMBEDDED, PRESERVES
from kubeapi.meta import JSON
from kubeapi.schema import definitions

DEFINITION = "#/$defs/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_SAMPLE = "io.k8s.api.core.v1.ConfigMap"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
_OBJECT_META: JSON = {
    "$ref": f"{DEFINITION}{_META}.ObjectMeta",
    "description": f"Standard object's metadata. More info: {_CONVENTIONS}#metadata",
}
_LIST_META: JSON = {
    "description": f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds",
    "type": "object",
    "properties": {
        "continue": {"type": "string"},
        "remainingItemCount": {"type": "integer", "format": "int64"},
        "resourceVersion": {"type": "string"},
        "selfLink": {"type": "string"},
    },
}
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")


class Custom(NamedTuple):
    """A custom resource and its definition: equal to another only if the definition is the same, too."""

    resource: CustomResource
    definition: Definition


def customs_of(resources: list[CustomResource]) -> tuple[Custom, ...]:
    """Return resources as keys of caches."""
    return tuple(Custom(each, each.definition) for each in resources)


def schema_name(resource: CustomResource) -> str:
    """Return the name of a resource's schema: ``com.example.stable.v1.CronTab``."""
    return ".".join((*reversed(resource.group.split(".")), resource.version, resource.kind))


def custom_schemas(custom: Custom, *, is_v2: bool = False) -> dict[str, JSON]:
    """Return the schemas of a resource and of its list, by name."""
    resource, name = custom.resource, schema_name(custom.resource)
    list_kind = custom.definition.names["listKind"]
    items = f"List of {resource.plural}. More info: {_CONVENTIONS}"
    listed: JSON = {
        "description": f"{list_kind} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_type_meta(),
            "items": {"description": items, "type": "array", "items": {"$ref": DEFINITION + name}},
            "metadata": _LIST_META,
        },
        _GROUP_VERSION_KIND: [_identity(resource, list_kind)],
    }
    return {name: _own_schema(custom, is_v2=is_v2), f"{name.removesuffix(resource.kind)}{list_kind}": listed}


def _own_schema(custom: Custom, *, is_v2: bool) -> JSON:
    schema = custom.definition.schema
    identity = {_GROUP_VERSION_KIND: [_identity(custom.resource, custom.resource.kind)]}
    if not schema or (is_v2 and schema.get(PRESERVES)):
        return {"type": "object", **identity}
    found: JSON = _published(schema, is_v2=is_v2)
    properties = {**found.get("properties", {}), **_type_meta(), "metadata": _OBJECT_META}
    return {**found, "properties": properties, **identity}


def _published(schema: Any, *, is_v2: bool) -> Any:
    """Return a schema with what every embedded resource has, and for v2 without what v2 cannot say."""
    if isinstance(schema, list):
        return [_published(each, is_v2=is_v2) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: value for name, value in schema.items() if not (is_v2 and name in _JUNCTORS)}
    if is_v2:
        found = _simplified(found)
    for name in ("items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"):
        if name in found:
            found[name] = _published(found[name], is_v2=is_v2)
    if "properties" in found:
        found["properties"] = {name: _published(each, is_v2=is_v2) for name, each in found["properties"].items()}
    if found.get(EMBEDDED) and not (is_v2 and found.get(PRESERVES)):
        own = {**_type_meta(), "metadata": _OBJECT_META}
        required = [each for each in ("kind", "apiVersion") if each not in found.get("required", ())]
        found["properties"] = {**found.get("properties", {}), **own}
        found["required"] = [*found.get("required", ()), *required]
    return found


def _simplified(schema: JSON) -> JSON:
    """Return one level of a schema for v2 (ToStructuralOpenAPIV2): kubectl cannot read some of what v3 says."""
    is_open = bool(schema.get(PRESERVES))
    dropped = {"nullable"} if "nullable" in schema else set()
    if schema.get("nullable"):
        dropped |= {"type", "items", "properties"}
    if is_open:
        dropped |= {"items", "properties"}
    if schema.get("type") == "array" and ("items" not in schema or "items" in dropped):
        dropped.add("type")
    if is_open and schema.get("type") == "object":
        dropped.add("type")
    found = {name: value for name, value in schema.items() if name not in dropped}
    nullable = [name for name, each in found.get("properties", {}).items() if each.get("nullable")]
    if "required" in found and nullable:
        found["required"] = [each for each in found["required"] if each not in nullable]
    return found


def _identity(resource: CustomResource, kind: str) -> JSON:
    return {"group": resource.group, "version": resource.version, "kind": kind}


def _type_meta() -> dict[str, JSON]:
    known = definitions()[_SAMPLE]["properties"]
    return {each: {"description": known[each]["description"], "type": "string"} for each in ("apiVersion", "kind")}

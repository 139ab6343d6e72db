"""The operations of a resource in OpenAPI documents, with their parameters. Pure.

kubectl leaves validation to the server only if ``patch`` has the parameter ``fieldValidation`` here. Follows the
documents of a v1.37 kube-apiserver, without the descriptions.
"""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.scheme import Resource

_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_LIST_PARAMETERS = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "timeoutSeconds", "watch")
_BODY_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_PARAMETER_TYPES = {"limit": "integer", "timeoutSeconds": "integer", "watch": "boolean", "force": "boolean"}


def path_items(resource: Resource, schema: str) -> JSON:
    """Return the path items of a resource's collection and of one object; ``schema`` is a reference to its schema."""
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.api_version}"
    namespaced = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{root}{namespaced}/{resource.plural}"
    scope = [_path_parameter("namespace")] if resource.namespaced else []
    reads, writes, forces = (), _WRITE_PARAMETERS, (*_WRITE_PARAMETERS, "force")
    return {
        collection: {
            "get": _operation(resource, schema, "list", _LIST_PARAMETERS),
            "post": _operation(resource, schema, "post", writes, _BODY_TYPES),
            "parameters": scope,
        },
        f"{collection}/{{name}}": {
            "get": _operation(resource, schema, "get", reads),
            "put": _operation(resource, schema, "put", writes, _BODY_TYPES),
            "delete": _operation(resource, schema, "delete", ("dryRun", "gracePeriodSeconds", "propagationPolicy")),
            "patch": _operation(resource, schema, "patch", forces, _PATCH_TYPES),
            "parameters": [_path_parameter("name"), *scope],
        },
    }


def _operation(
    resource: Resource, schema: str, action: str, parameters: tuple[str, ...], body_types: tuple[str, ...] = ()
) -> JSON:
    operation: JSON = {
        "parameters": [
            {"name": each, "in": "query", "schema": {"type": _PARAMETER_TYPES.get(each, "string"), "uniqueItems": True}}
            for each in parameters
        ],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"$ref": schema}}}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "kind": resource.kind,
            "version": resource.version,
        },
    }
    if body_types:
        body: JSON = {"type": "object"} if action == "patch" else {"$ref": schema}
        operation["requestBody"] = {"content": {each: {"schema": body} for each in body_types}, "required": True}
    return operation


def _path_parameter(name: str) -> JSON:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}

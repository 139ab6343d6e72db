"""What the expressions of admission may name (apiserver ``pkg/admission/plugin/cel/compile.go``). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.cel.declarations import type_named
from kubeapi.cel.environment import Environment, FieldTypes, no_field
from kubeapi.cel.library.formats import JSON_PATCH as JSON_PATCH_FUNCTIONS
from kubeapi.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of, struct

OBJECT, JSON_PATCH = struct("Object"), struct("JSONPatch")
_TEXTS = list_of(STRING)
_LABELS = map_of(STRING, STRING)
_KIND, _RESOURCE = struct("kubernetes.GroupVersionKind"), struct("kubernetes.GroupVersionResource")
_USER, _REQUEST = struct("kubernetes.UserInfo"), struct("kubernetes.AdmissionRequest")
_NAMESPACE, _METADATA = struct("kubernetes.Namespace"), struct("kubernetes.NamespaceMetadata")
_SPEC, _STATUS = struct("kubernetes.NamespaceSpec"), struct("kubernetes.NamespaceStatus")
_CONDITION = struct("kubernetes.NamespaceCondition")
_VARIABLES = struct("kubernetes.variables")


def _texts(*names: str) -> dict[str, Type]:
    return dict.fromkeys(names, STRING)


FIELDS: Mapping[str, Mapping[str, Type]] = {
    _KIND.name: _texts("group", "version", "kind"),
    _RESOURCE.name: _texts("group", "version", "resource"),
    _USER.name: {**_texts("username", "uid"), "groups": _TEXTS, "extra": map_of(STRING, _TEXTS)},
    _REQUEST.name: {
        "kind": _KIND,
        "resource": _RESOURCE,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        **_texts("subResource", "requestSubResource", "name", "namespace", "operation"),
        "userInfo": _USER,
        "dryRun": BOOL,
        "options": DYN,
    },
    _SPEC.name: {"finalizers": _TEXTS},
    _CONDITION.name: {**_texts("status", "type", "message", "reason"), "lastTransitionTime": TIMESTAMP},
    _STATUS.name: {"conditions": list_of(_CONDITION), "phase": STRING},
    _METADATA.name: {
        **_texts("name", "generateName", "namespace", "UID", "resourceVersion"),
        "labels": _LABELS,
        "annotations": _LABELS,
        "finalizers": _TEXTS,
        "creationTimestamp": TIMESTAMP,
        "deletionTimestamp": TIMESTAMP,
        "deletionGracePeriodSeconds": INT,
        "generation": INT,
    },
    _NAMESPACE.name: {"metadata": _METADATA, "spec": _SPEC, "status": _STATUS},
    JSON_PATCH.name: {**_texts("op", "path", "from"), "value": DYN},
}
"""The fields of the types that ``request``, ``namespaceObject`` and patches have."""


class ObjectTypes(NamedTuple):
    """The type of the objects that a policy is asked about, and the fields of the types in it."""

    root: Type = DYN
    field_type: FieldTypes = no_field


def _is_object(name: str) -> bool:
    return name in (OBJECT.name, JSON_PATCH.name) or name.startswith(f"{OBJECT.name}.")


def environment(
    *,
    has_params: bool = False,
    has_authorizer: bool = True,
    makes_patches: bool = False,
    variables: Mapping[str, Type] | None = None,
    objects: ObjectTypes | None = None,
) -> Environment:
    """Return what an expression may name.

    ``variables`` None: the expression has no ``variables``. ``objects`` None: nothing is known of the objects.
    """
    objects = objects or ObjectTypes()
    names = _names(objects.root, has_params=has_params, has_authorizer=has_authorizer)
    known: dict[str, Type] = {}
    if variables is not None:
        names["variables"] = _VARIABLES
        known.update(variables)

    def field_type(type_name: str, name: str) -> Type | None:
        if type_name == _VARIABLES.name:
            return known.get(name)
        if type_name != JSON_PATCH.name and makes_patches and _is_object(type_name):
            return DYN
        return FIELDS.get(type_name, {}).get(name) or objects.field_type(type_name, name)

    if not makes_patches:
        return Environment(names, field_type)
    return Environment(names, field_type, _is_object, JSON_PATCH_FUNCTIONS)


def _names(root: Type, *, has_params: bool, has_authorizer: bool) -> dict[str, Type]:
    names = {"object": root, "oldObject": root, "request": _REQUEST, "namespaceObject": _NAMESPACE}
    if has_params:
        names["params"] = DYN
    if has_authorizer:
        names |= {"authorizer": type_named("authorizer"), "authorizer.requestResource": type_named("resource_check")}
    return names

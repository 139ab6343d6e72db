"""The first steps of a write, before the kind's rules: decoding, names and namespaces."""

from __future__ import annotations

import random

from kubeapi.customresources.decoding import decode_object
from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds.namespace import INITIAL_NAMESPACES
from kubeapi.meta import JSON, NAME_SUFFIX_ALPHABET, ObjectKey, is_terminating
from kubeapi.scheme import NAMESPACES, Resource
from kubeapi.status import BadRequest, FieldError, Forbidden, NotFound, StatusError
from kubeapi.store import Store

_NAME_ATTEMPTS = 8
"""Generated names that are tried before the request fails (KEP-4420)."""

_LONGEST_NAME_BASE = 58
"""Characters of generateName that are kept, so that the name is one DNS label (MaxGeneratedNameLength)."""

_TERMINATING = "NamespaceTerminating"
"""The cause of a refusal in a namespace that is being deleted."""


def read_object(resource: Resource, obj: JSON) -> JSON:
    """Return a typed copy of an object, with kind and namespace; BadRequest for fields of the wrong type."""
    decoded = decode_object(resource, obj)
    if decoded.mistyped:
        raise BadRequest(resource, decoded.told, tuple(decoded.mistyped))
    return identified(resource, decoded.object)


def identified(resource: Resource, obj: JSON) -> JSON:
    """Return the object with kind and namespace filled in; BadRequest for another kind than the resource's."""
    if isinstance(resource, CustomResource):  # stored objects may be of another version
        obj["apiVersion"] = resource.api_version
    for field, expected in (("kind", resource.kind), ("apiVersion", resource.api_version)):
        if obj.setdefault(field, expected) != expected:
            raise BadRequest(resource, f"{field} is {obj[field]}, not {expected}")
    metadata = obj.setdefault("metadata", {})
    if resource.namespaced and not metadata.get("namespace"):
        metadata["namespace"] = "default"
    return obj


def check_namespace(store: Store, resource: Resource, metadata: JSON) -> None:
    """Refuse a new object in a namespace that does not exist or is being deleted (NamespaceLifecycle)."""
    if not resource.namespaced:
        return
    name = metadata["namespace"]
    namespace = store.find(NAMESPACES, ObjectKey("", name))
    if namespace is None and name not in INITIAL_NAMESPACES:
        raise NotFound(NAMESPACES, name)
    if namespace is not None and is_terminating(namespace):
        detail = f"unable to create new content in namespace {name} because it is being terminated"
        refused = Forbidden(resource, metadata.get("name") or metadata.get("generateName", ""), detail)
        refused.causes = (FieldError(_TERMINATING, "metadata.namespace", f"namespace {name} is being terminated"),)
        raise refused


def is_in_vain(refusal: StatusError) -> bool:
    """Tell whether an object was not created because its namespace goes: no second attempt will succeed."""
    return any(each.reason == _TERMINATING for each in refusal.causes)


def set_generated_name(store: Store, resource: Resource, metadata: JSON, rng: random.Random) -> None:
    """Generate the name of a new object with only a generateName; the last attempt may be in use."""
    if metadata.get("name") or not metadata.get("generateName"):
        return
    for _ in range(_NAME_ATTEMPTS):
        metadata["name"] = metadata["generateName"][:_LONGEST_NAME_BASE] + name_suffix(rng)
        if store.find(resource, ObjectKey(metadata.get("namespace", ""), metadata["name"])) is None:
            return


def name_suffix(rng: random.Random) -> str:
    """Return five letters for a generated name."""
    return "".join(rng.choices(NAME_SUFFIX_ALPHABET, k=5))

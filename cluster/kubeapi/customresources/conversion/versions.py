"""A stored custom resource as one of its versions shows it. Pure.

Follows apiextensions-apiserver ``apiserver/conversion`` and ``customresource_handler.go``: what is read from the
storage is converted, pruned, and gets the defaults of the version in which it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.customresources.resource import CustomResource
from kubeapi.customresources.schema.defaulting import set_defaults
from kubeapi.customresources.schema.pruning import drop_nulls, prune
from kubeapi.meta import JSON, copy_object
from kubeapi.scheme import Resource


def as_seen(resource: Resource, stored: JSON) -> JSON:
    """Return an object in the version of ``resource``; the object itself if its kind has no others.

    CallNeeded if a webhook has to convert it first.
    """
    if not isinstance(resource, CustomResource):
        return stored
    definition = resource.definition
    if definition.webhook is not None:
        stored = definition.webhook.converted(stored, resource.api_version)
    seen = {**copy_object(stored), "apiVersion": resource.api_version}
    prune(seen, definition.schema)
    drop_nulls(seen, definition.schema)
    if definition.has_defaults:
        set_defaults(seen, definition.schema)
    return seen


def as_comparable(resource: Resource, stored: JSON) -> JSON:
    """Return a stored object so that a new state in the version of ``resource`` can be compared with it."""
    if not isinstance(resource, CustomResource) or resource.definition.webhook is None:
        return stored
    return as_seen(resource, stored)


def require_seen(resource: Resource, objects: Sequence[JSON]) -> None:
    """Raise CallNeeded if a webhook has to convert some of the objects first: many in one call.

    A request asks before it changes anything: its answer shows objects in its version.
    """
    if isinstance(resource, CustomResource) and resource.definition.webhook is not None:
        resource.definition.webhook.require(objects, resource.api_version)


def as_stored(resource: Resource, obj: JSON) -> JSON:
    """Return an object of a resource in the version in which it is stored. CallNeeded as for ``as_seen``.

    The stored object can be seen in the resource's version, too, without another call.
    """
    if not isinstance(resource, CustomResource) or obj["apiVersion"] == resource.stored_version:
        return obj
    if resource.definition.webhook is None:
        return {**obj, "apiVersion": resource.stored_version}
    stored = resource.definition.webhook.converted(obj, resource.stored_version)
    require_seen(resource, [stored])
    return stored

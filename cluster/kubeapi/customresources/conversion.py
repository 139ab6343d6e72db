"""A stored custom resource as one of its versions shows it. Pure.

Follows apiextensions-apiserver ``apiserver/conversion`` (strategy None) and ``customresource_handler.go``: what is read
from the storage is pruned and gets the defaults of the version in which it is asked for.
"""

from __future__ import annotations

from kubeapi.customresources.defaulting import set_defaults
from kubeapi.customresources.pruning import drop_nulls, prune
from kubeapi.customresources.resource import CustomResource
from kubeapi.meta import JSON, copy_object
from kubeapi.scheme import Resource
from kubeapi.status import InternalError


def as_seen(resource: Resource, stored: JSON) -> JSON:
    """Return an object in the version of ``resource``; the object itself if its kind has no others.

    InternalError if only a webhook could convert it.
    """
    if not isinstance(resource, CustomResource):
        return stored
    definition = resource.definition
    if definition.conversion == "Webhook" and stored["apiVersion"] != resource.api_version:
        identity = f"{resource.group}/{stored['apiVersion'].rpartition('/')[2]}, Kind={resource.kind}"
        raise InternalError(f"conversion webhook for {identity} failed: kubesvc calls no conversion webhooks")
    seen = {**copy_object(stored), "apiVersion": resource.api_version}
    prune(seen, definition.schema)
    drop_nulls(seen, definition.schema)
    if definition.has_defaults:
        set_defaults(seen, definition.schema)
    return seen


def as_stored(resource: Resource, obj: JSON) -> JSON:
    """Return an object of a resource in the version in which it is stored. InternalError as for ``as_seen``."""
    if not isinstance(resource, CustomResource) or obj["apiVersion"] == resource.stored_version:
        return obj
    if resource.definition.conversion == "Webhook":
        identity = f"{resource.api_version}, Kind={resource.kind}"
        raise InternalError(f"conversion webhook for {identity} failed: kubesvc calls no conversion webhooks")
    return {**obj, "apiVersion": resource.stored_version}

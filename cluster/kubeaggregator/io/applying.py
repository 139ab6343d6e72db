"""Objects of extension API servers, created, changed and deleted as kubectl does.

Follows k8s.io/kubectl ``pkg/cmd/apply`` for kinds that kubectl does not know: what was applied last, the manifest and
the object make a JSON merge patch, also where the server offers strategic ones.
"""

from __future__ import annotations

from urllib.parse import urlencode

from kubeaggregator.io.lookup import Collection, Servers, find_collection
from kubeapi.extensions.apis import ExtensionResource
from kubeapi.meta import JSON, ObjectKey, copy_object
from kubeapi.status import StatusError
from kubeapi.users import ADMINISTRATOR
from kubemanifest.clientapply import Outcome, keep_applied, last_applied, three_way_patch

_MANAGER = {"fieldManager": "kubectl-client-side-apply", "fieldValidation": "Strict"}
_MERGE_PATCH = "application/merge-patch+json"


async def apply(servers: Servers, resource: ExtensionResource, obj: JSON) -> tuple[Outcome, list[str]]:
    """Create an object or change it, and return what the server warns of.

    ServiceUnavailable while it does not answer, StatusError.
    """
    collection = find_collection(servers, resource, obj["metadata"].get("namespace", ""), ADMINISTRATOR)
    outcome = await _apply(collection, obj)
    return outcome, list(dict.fromkeys(collection.warnings))


async def _apply(collection: Collection, obj: JSON) -> Outcome:
    manifest, name = copy_object(obj), obj["metadata"]["name"]
    if collection.namespace:
        manifest["metadata"]["namespace"] = collection.namespace
    keep_applied(manifest)
    path, query = collection.path_of(name), f"?{urlencode(_MANAGER)}"
    try:
        stored = await collection.ask("GET", path)
    except StatusError as error:
        if error.code != 404:
            raise
        await collection.ask("POST", collection.path + query, manifest)
        return "created"
    patch = three_way_patch(last_applied(stored), manifest, stored, None)
    if not patch:
        return "unchanged"
    changed = await collection.ask("PATCH", path + query, patch, _MERGE_PATCH)
    return "unchanged" if changed == stored else "configured"


async def delete(servers: Servers, resource: ExtensionResource, key: ObjectKey) -> None:
    """Delete an object in the background; StatusError."""
    collection = find_collection(servers, resource, key.namespace, ADMINISTRATOR)
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    await collection.ask("DELETE", collection.path_of(key.name), options)

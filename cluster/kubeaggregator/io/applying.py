"""Objects of extension API servers, created, changed and deleted as kubectl does.

Follows k8s.io/kubectl ``pkg/cmd/apply`` for kinds that kubectl does not know: what was applied last, the manifest and
the object make a JSON merge patch, also where the server offers strategic ones.
"""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import quote, urlencode

from kubeaggregator.authentication import user_headers
from kubeaggregator.io.extensions import Extensions
from kubeaggregator.io.server import DOCUMENT_ERRORS, READING_ERRORS, ExtensionServer
from kubeapi.meta import JSON, ObjectKey, copy_object
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import list_at, map_at
from kubeapi.remoteapis import RemoteResource
from kubeapi.scheme import APISERVICES
from kubeapi.status import FieldError, StatusError
from kubeapi.users import ADMINISTRATOR
from kubeapiserver.errors import ServiceUnavailable
from kubeapiserver.wire.forwarding.answers import status_message
from kubemanifest.clientapply import Outcome, keep_applied, last_applied, three_way_patch

_SECONDS = 30.0
"""Time limit of one request."""
_MANAGER = {"fieldManager": "kubectl-client-side-apply", "fieldValidation": "Strict"}
_JSON, _MERGE_PATCH = "application/json", "application/merge-patch+json"


class _Collection(NamedTuple):
    """Where the objects of a kind in one namespace are; ``namespace`` is "" for a kind without."""

    server: ExtensionServer
    path: str
    namespace: str

    def path_of(self, name: str) -> str:
        return f"{self.path}/{quote(name, safe='')}"


async def apply(extensions: Extensions, resource: RemoteResource, obj: JSON) -> Outcome:
    """Create an object or change it; ServiceUnavailable while its server does not answer, StatusError."""
    manifest, metadata = copy_object(obj), obj["metadata"]
    collection = _find(extensions, resource, metadata.get("namespace", ""))
    if collection.namespace:
        manifest["metadata"]["namespace"] = collection.namespace
    keep_applied(manifest)
    path, query = collection.path_of(metadata["name"]), f"?{urlencode(_MANAGER)}"
    try:
        stored = await _ask(collection.server, "GET", path)
    except StatusError as error:
        if error.code != 404:
            raise
        await _ask(collection.server, "POST", collection.path + query, manifest)
        return "created"
    patch = three_way_patch(last_applied(stored), manifest, stored, None)
    if not patch:
        return "unchanged"
    changed = await _ask(collection.server, "PATCH", path + query, patch, _MERGE_PATCH)
    return "unchanged" if changed == stored else "configured"


async def delete(extensions: Extensions, resource: RemoteResource, key: ObjectKey) -> None:
    """Delete an object in the background; StatusError."""
    collection = _find(extensions, resource, key.namespace)
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    await _ask(collection.server, "DELETE", collection.path_of(key.name), options)


def _find(extensions: Extensions, resource: RemoteResource, namespace: str) -> _Collection:
    api = extensions.remotes.find(resource.group, resource.version)
    if api is not None:
        offer = extensions.remotes.offer(api)
        if not (api.is_available and offer.is_current):
            raise ServiceUnavailable(f"APIService {api.name} has no server that answers{_reason(extensions, api.name)}")
        for each in offer.resources:
            if map_at(each, "responseKind").get("kind") == resource.kind:
                is_namespaced = each.get("scope") == "Namespaced"
                inside = (namespace or "default") if is_namespaced else ""
                middle = f"/namespaces/{quote(inside, safe='')}" if inside else ""
                return _Collection(extensions.server_of(api), f"{api.path}{middle}/{each['resource']}", inside)
    raise StatusError(404, "NotFound", f'no matches for kind "{resource.kind}" in version "{resource.api_version}"')


def _reason(extensions: Extensions, name: str) -> str:
    found = extensions.store.find(APISERVICES, ObjectKey("", name))
    condition = find_condition(found, "Available") if found is not None else None
    return f": {condition['message']}" if condition is not None and condition.get("status") != "True" else ""


async def _ask(server: ExtensionServer, method: str, target: str, sent: JSON | None = None, media: str = _JSON) -> JSON:
    """Return an answer; StatusError for a refusal, or if there is none."""
    headers = [("Accept", _JSON), ("Content-Type", media), *user_headers(ADMINISTRATOR)]
    body = None if sent is None else json.dumps(sent).encode()
    try:
        found = await server.document(target, headers, _SECONDS, method=method, body=body)
        if 200 <= found.status < 300:
            answer: JSON = json.loads(found.body)
            return answer
    except StatusError:
        raise
    except (*DOCUMENT_ERRORS, *READING_ERRORS) as error:
        raise ServiceUnavailable(f"{error}" or "the extension API server does not answer") from error
    raise _refusal(found.status, found.body)


def _refusal(code: int, body: bytes) -> StatusError:
    """Return the error that a Status says."""
    message = status_message(body)
    if not message:
        return StatusError(code, "", f"the extension API server answers with status {code}")
    status = json.loads(body)
    causes = tuple(
        FieldError(each.get("reason", ""), each.get("field", ""), each.get("message", ""))
        for each in list_at(status, "details", "causes")
    )
    return StatusError(code, str(status.get("reason") or ""), message, causes)

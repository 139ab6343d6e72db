"""Have extension API servers delete what they have of a namespace, as the namespace controller.

Follows k8s.io/kubernetes ``pkg/controller/namespace/deletion`` (namespaced_resources_deleter.go).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from kubeaggregator.authentication import user_headers
from kubeaggregator.io.server import DOCUMENT_ERRORS, READING_ERRORS, ExtensionServer
from kubeapi.extensions.answers import ExtensionContents
from kubeapi.extensions.apis import ExtensionAPIs
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.parts import list_at
from kubeapi.status import StatusError
from kubeapi.users import account_user
from kubeapiserver.wire.forwarding.answers import status_message

_SECONDS = 30.0
"""Time limit of one request."""
_USER = account_user(ObjectKey("kube-system", "namespace-controller"))
_OPTIONS = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
_UNSUPPORTED = (404, 405)


async def sweep(
    namespace: str, apis: ExtensionAPIs, server_of: Callable[[APIService], ExtensionServer]
) -> ExtensionContents:
    """Delete what there is, and return what is left."""
    faults: list[str] = []
    counts, finalizers = dict[str, int](), Counter[str]()
    for api in apis.all():
        for each in apis.offer(api).resources:
            verbs = list_at(each, "verbs")
            if each.get("scope") != "Namespaced" or "delete" not in verbs:
                continue
            path = f"{api.path}/namespaces/{namespace}/{each['resource']}"
            try:
                left = await _empty(server_of(api), path, "deletecollection" in verbs)
            except (*DOCUMENT_ERRORS, *READING_ERRORS) as error:
                faults.append(str(error) or "the server does not answer")
                continue
            if left:
                counts[f"{each['resource']}.{api.group}"] = len(left)
                finalizers.update(name for item in left for name in list_at(item, "metadata", "finalizers"))
    return ExtensionContents(faults=tuple(faults), counts=counts, finalizers=finalizers)


async def _empty(server: ExtensionServer, path: str, has_collections: bool) -> list[JSON]:
    """Delete the objects of a collection, and return those that are there still."""
    if not has_collections or not await _ask(server, "DELETE", path):
        for each in await _listed(server, path):
            await _ask(server, "DELETE", f"{path}/{each['metadata']['name']}")
    return await _listed(server, path)


async def _listed(server: ExtensionServer, path: str) -> list[JSON]:
    return list(list_at(await _ask(server, "GET", path), "items"))


async def _ask(server: ExtensionServer, method: str, path: str) -> JSON:
    """Return the answer, {} if there is none of what is asked for; StatusError for any other refusal."""
    headers = [("Accept", "application/json"), ("Content-Type", "application/json"), *user_headers(_USER)]
    body = json.dumps(_OPTIONS).encode() if method == "DELETE" else None
    found = await server.document(path, headers, _SECONDS, method=method, body=body)
    if found.status in _UNSUPPORTED:
        return {}
    if found.status >= 300:
        raise StatusError(found.status, "", status_message(found.body) or f"status {found.status}")
    answer: JSON = json.loads(found.body)
    return answer

"""Where extension API servers have the objects of a kind, and requests for these.

A kind is looked up in what its server offers, as client-go's RESTMapper does by discovery.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Protocol
from urllib.parse import quote

from kubeaggregator.authentication import user_headers
from kubeaggregator.io.server import DOCUMENT_ERRORS, READING_ERRORS, ExtensionServer
from kubeapi.extensions.apis import ExtensionAPIs, ExtensionResource
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import APISERVICES
from kubeapi.status import FieldError, StatusError
from kubeapi.store import Store
from kubeapi.users import User
from kubeapiserver.errors import ServiceUnavailable
from kubeapiserver.wire.forwarding.answers import status_message

JSON_TYPE = "application/json"
_SECONDS = 30.0
"""Time limit of one request."""


class Servers(Protocol):
    """The extension API servers of a cluster."""

    apis: ExtensionAPIs
    store: Store

    def server_of(self, api: APIService) -> ExtensionServer:
        """Return the connections of an APIService."""
        ...


class Collection(NamedTuple):
    """Where the objects of a kind in one namespace are; ``namespace`` is "" for a kind without.

    ``user`` asks; ``warnings`` are those of all answers.
    """

    server: ExtensionServer
    path: str
    namespace: str
    user: User
    warnings: list[str]

    def path_of(self, name: str) -> str:
        """Return the path of an object."""
        return f"{self.path}/{quote(name, safe='')}"

    async def ask(self, method: str, target: str, sent: JSON | None = None, media: str = JSON_TYPE) -> JSON:
        """Return an answer; StatusError for a refusal, ServiceUnavailable if there is none."""
        headers = [("Accept", JSON_TYPE), ("Content-Type", media), *user_headers(self.user)]
        body = None if sent is None else json.dumps(sent).encode()
        try:
            found = await self.server.document(target, headers, _SECONDS, method=method, body=body)
            self.warnings.extend(found.warnings)
            if 200 <= found.status < 300:
                answer: JSON = json.loads(found.body)
                return answer
        except StatusError:
            raise
        except (*DOCUMENT_ERRORS, *READING_ERRORS) as error:
            raise ServiceUnavailable(f"{error}" or "the extension API server does not answer") from error
        raise _refusal(found.status, found.body)


def find_collection(servers: Servers, resource: ExtensionResource, namespace: str, user: User) -> Collection:
    """Return where the objects of a kind are; ServiceUnavailable while its server does not answer, StatusError.

    ``namespace`` "" is ``default``, for a kind that has namespaces.
    """
    api = servers.apis.find(resource.group, resource.version)
    if api is not None:
        offer = servers.apis.offer(api)
        if not (api.is_available and offer.is_current):
            raise ServiceUnavailable(f"APIService {api.name} has no server that answers{_reason(servers, api.name)}")
        for each in offer.resources:
            if map_at(each, "responseKind").get("kind") == resource.kind:
                is_namespaced = each.get("scope") == "Namespaced"
                inside = (namespace or "default") if is_namespaced else ""
                middle = f"/namespaces/{quote(inside, safe='')}" if inside else ""
                return Collection(servers.server_of(api), f"{api.path}{middle}/{each['resource']}", inside, user, [])
    raise StatusError(404, "NotFound", f'no matches for kind "{resource.kind}" in version "{resource.api_version}"')


def _reason(servers: Servers, name: str) -> str:
    found = servers.store.find(APISERVICES, ObjectKey("", name))
    condition = find_condition(found, "Available") if found is not None else None
    return f": {condition['message']}" if condition is not None and condition.get("status") != "True" else ""


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

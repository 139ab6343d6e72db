"""TokenRequest: the subresource ``token`` of a ServiceAccount (``kubectl create token``). Pure.

Follows k8s.io/kubernetes ``pkg/registry/core/serviceaccount/storage/token.go`` and
``pkg/apis/authentication/validation``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeapi.kinds import resource_for
from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.objects.parts import map_at, spec_of
from kubeapi.scheme import Resource
from kubeapi.serviceaccounts.issuer import TokenIssuer
from kubeapi.status import Conflict, NoSubresource
from kubeapi.store import Store
from kubeapi.validation.faults import Faults, invalid
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.messages import Response
from kubeapiserver.requests.bodies import check_kind, read_document
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.statuses import document_response

TOKEN_REQUESTS = Resource("TokenRequest", "TokenRequest", "authentication.k8s.io", "v1", True)
_DEFAULT_SECONDS, _SHORTEST, _LONGEST = 3600, 600, 1 << 32
_BINDABLE = {"Pod": "v1", "Secret": "v1", "Node": "v1"}


class TokenRequests:
    """Makes tokens with ``issuer``; without one there is no such subresource."""

    def __init__(self, store: Store, issuer: TokenIssuer | None, clock: Callable[[], float]) -> None:
        self._store = store
        self._issuer = issuer
        self._clock = clock

    def answer(self, request: ResourceRequest) -> Response:
        """Return the request in the body with its token."""
        if self._issuer is None:
            raise NoSubresource
        body = read_document(request.http, TOKEN_REQUESTS.kind)
        check_kind(body, TOKEN_REQUESTS.api_version, TOKEN_REQUESTS.kind)
        account = self._account(request, map_at(body, "metadata"))
        spec = _completed(spec_of(body), self._issuer.audiences)
        if faults := list(_validate(spec)):
            raise InvalidInput(TOKEN_REQUESTS.kind, TOKEN_REQUESTS.group, "", *faults)
        bound = self._bound(request, spec.get("boundObjectRef"))
        now, seconds, uid = self._clock(), spec["expirationSeconds"], account["metadata"]["uid"]
        token = self._issuer.issue(account, spec["audiences"], seconds, bound)
        document = {
            "kind": TOKEN_REQUESTS.kind,
            "apiVersion": TOKEN_REQUESTS.api_version,
            "metadata": {**request.key._asdict(), "uid": uid, "creationTimestamp": format_time(now)},
            "spec": spec,
            "status": {"token": token, "expirationTimestamp": format_time(now + seconds)},
        }
        return document_response(document, 201)

    def _account(self, request: ResourceRequest, metadata: JSON) -> JSON:
        """Return the ServiceAccount; Conflict if the request means an earlier one of the same name."""
        _check_name(request, metadata)
        account = self._store.get(request.resource, *request.key)
        uid, stated = account["metadata"]["uid"], metadata.get("uid")
        if stated and stated != uid:
            detail = f"the UID in the token request ({stated}) does not match the UID of the service account ({uid})"
            raise Conflict(TOKEN_REQUESTS, request.name, detail)
        return account

    def _bound(self, request: ResourceRequest, reference: Any) -> JSON | None:
        """Return the object with which the token is to end, None without one."""
        if not isinstance(reference, dict):
            return None
        version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        resource = resource_for("v1", kind) if _BINDABLE.get(kind) == version else None
        if resource is None:
            group, _, short = str(version).rpartition("/")
            raise BadInput(f"cannot bind token to object of type {group}/{short}, Kind={kind}")
        key = ObjectKey(request.namespace if resource.namespaced else "", str(reference.get("name", "")))
        obj = self._store.get(resource, *key)
        if kind == "Pod" and obj["spec"].get("serviceAccountName") != request.name:
            text = f'cannot bind token for serviceaccount "{request.name}" to pod running with different serviceaccount'
            raise BadInput(f"{text} name.")
        uid, stated = obj["metadata"]["uid"], reference.get("uid")
        if stated and stated != uid:
            detail = (
                f"the UID in the bound object reference ({stated}) does not match the UID in record."
                " The object might have been deleted and then recreated"
            )
            raise Conflict(Resource(kind, kind, "", "v1", True), key.name, detail)
        return obj


def _check_name(request: ResourceRequest, metadata: JSON) -> None:
    for field, wanted in (("name", request.name), ("namespace", request.namespace)):
        stated = metadata.get(field)
        if stated and stated != wanted:
            fault = invalid(f"metadata.{field}", stated, f"must match the service account {field} if specified")
            raise InvalidInput(TOKEN_REQUESTS.kind, TOKEN_REQUESTS.group, request.name, fault)


def _completed(spec: JSON, audiences: tuple[str, ...]) -> JSON:
    seconds: Any = spec.get("expirationSeconds")
    if seconds is not None and type(seconds) is not int:
        detail = "json: cannot unmarshal into Go struct field TokenRequestSpec.spec.expirationSeconds of type int64"
        raise BadInput(f'TokenRequest in version "v1" cannot be handled as a TokenRequest: {detail}')
    given = spec.get("audiences")
    return {
        "audiences": [str(each) for each in given] if isinstance(given, list) and given else list(audiences),
        "expirationSeconds": _DEFAULT_SECONDS if seconds is None else seconds,
        "boundObjectRef": spec.get("boundObjectRef"),
    }


def _validate(spec: JSON) -> Faults:
    seconds = spec["expirationSeconds"]
    if seconds < _SHORTEST:
        yield invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > _LONGEST:
        yield invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")

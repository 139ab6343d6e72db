"""Reviews: of a token, of the user that asks, and of what a user may do; answered and never stored. Pure.

Follows ``pkg/registry/authorization``, ``pkg/registry/authentication`` and ``pkg/apis/authorization/validation``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeapi.kind import Objects
from kubeapi.meta import JSON, format_time
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.users import User
from kubeapi.validation.faults import Faults, GoText, invalid
from kubeapiserver.auth.attributes import Attributes
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.auth.rbac import decide, rules_document
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.messages import Response
from kubeapiserver.requests.bodies import read_object
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.statuses import document_response

_BOTH = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
_LOCAL = "LocalSubjectAccessReview"


class Reviews:
    """Answers reviews by the stored roles and by the users that ``authenticator`` knows."""

    def __init__(self, objects: Objects, authenticator: Authenticator, clock: Callable[[], float]) -> None:
        self._objects = objects
        self._authenticator = authenticator
        self._clock = clock

    def answer(self, request: ResourceRequest) -> Response:
        """Return the review in the body with its status."""
        resource, user = request.resource, request.http.user
        obj = read_object(request.http, resource)
        spec: object = spec_of(obj)
        if not isinstance(spec, dict):
            raise BadInput(f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: spec is no object')
        answer: JSON = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
        match resource.kind:
            case "SelfSubjectReview":
                answer["metadata"] = {"creationTimestamp": format_time(self._clock())}
                answer["status"] = {"userInfo": user.document()}
            case "TokenReview":
                answer |= {"spec": spec, "status": self._review_token(spec)}
            case "SelfSubjectRulesReview":
                answer |= {"spec": {}, "status": self._rules(user, spec)}
            case "SelfSubjectAccessReview":
                answer |= {"spec": spec, "status": self._decide(request, user, spec)}
            case _:
                answer |= {"spec": spec, "status": self._decide(request, _read_user(spec), spec)}
                if request.namespace:
                    answer["metadata"] = {"namespace": request.namespace}
        return document_response(answer, 201)

    def _review_token(self, spec: JSON) -> JSON:
        token, audiences = spec.get("token"), list_at(spec, "audiences")
        if not token or not isinstance(token, str):
            raise BadInput("token is required for TokenReview in authentication")
        found, fault = self._authenticator.review(token, [str(each) for each in audiences])
        if found is None:
            return {"user": {}, "error": fault}
        known: JSON = {"authenticated": True, "user": found.user.document()}
        return {**known, "audiences": list(found.audiences)} if found.audiences else known

    def _rules(self, user: User, spec: JSON) -> JSON:
        namespace = spec.get("namespace")
        if not namespace:
            raise BadInput("no namespace on request")
        return rules_document(user, str(namespace), self._objects)

    def _decide(self, request: ResourceRequest, user: User, spec: JSON) -> JSON:
        resource = request.resource
        is_local = resource.kind == _LOCAL
        faults = [*_validate(spec, has_user=not resource.kind.startswith("Self")), *_validate_place(request, spec)]
        if faults:
            raise InvalidInput(resource.kind, resource.group, "", *faults)
        if is_local and not request.namespace:
            raise BadInput("namespace is required on this type: ")
        verdict = decide(user, _read_attributes(spec), self._objects)
        status: JSON = {"allowed": verdict.is_allowed}
        return {**status, "reason": verdict.reason} if verdict.reason else status


def _validate(spec: JSON, *, has_user: bool) -> Faults:
    about_path = spec.get("nonResourceAttributes")
    if bool(spec.get("resourceAttributes")) == bool(about_path):
        yield invalid("spec", about_path or GoText("null"), _BOTH)
    if has_user and not spec.get("user") and not spec.get("groups"):
        yield invalid("spec.user", "", "at least one of user or group must be specified")


def _validate_place(request: ResourceRequest, spec: JSON) -> Faults:
    """Yield the faults of what only a LocalSubjectAccessReview must be."""
    if request.resource.kind != _LOCAL:
        return
    about_resource, about_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    namespace = map_at(spec, "resourceAttributes").get("namespace", "")
    if about_resource and namespace != request.namespace:
        yield invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")
    if about_path:
        yield invalid("spec.nonResourceAttributes", about_path, "disallowed on this kind of request")


def _read_user(spec: JSON) -> User:
    """Return the user that a SubjectAccessReview asks about: no group is added to those that it names."""
    groups = tuple(str(each) for each in list_at(spec, "groups"))
    return User(str(spec.get("user") or ""), groups, str(spec.get("uid") or ""), map_at(spec, "extra"))


def _read_attributes(spec: JSON) -> Attributes:
    about_resource: Any = spec.get("resourceAttributes")
    stated = about_resource or spec.get("nonResourceAttributes")
    told = {name: str(value) for name, value in stated.items()} if isinstance(stated, dict) else {}
    told = {name: told[name] for name in Attributes._fields if name in told}
    told["path"] = "" if about_resource else told.get("path", "/")
    return Attributes(**{"verb": "", **told})

"""SelfSubjectReview, SelfSubjectAccessReview, SelfSubjectRulesReview: answered and never stored. Pure.

Follows ``pkg/registry/authorization`` and ``pkg/registry/authentication``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, format_time
from kubeapi.objects.parts import spec_of
from kubeapi.scheme import Resource
from kubeapi.validation.faults import invalid
from kubeapiserver.auth.authorization import Attributes, allows, rules_of
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.messages import Response
from kubeapiserver.requests.bodies import read_object
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.statuses import document_response


def review(request: ResourceRequest, now: float) -> Response:
    """Return the review in the body with its status; ``now`` is in seconds since the epoch."""
    resource, user = request.resource, request.http.user
    spec: object = spec_of(read_object(request.http, resource))
    if not isinstance(spec, dict):
        raise BadInput(f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: spec is no object')
    answer: JSON = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
    match resource.kind:
        case "SelfSubjectReview":
            answer["metadata"] = {"creationTimestamp": format_time(now)}
            answer["status"] = {"userInfo": user.document()}
        case "SelfSubjectRulesReview":
            answer |= {"spec": spec, "status": rules_of(user)}
        case _:
            answer |= {"spec": spec, "status": {"allowed": allows(user, _read_attributes(resource, spec))}}
    return document_response(answer, 201)


def _read_attributes(resource: Resource, spec: JSON) -> Attributes:
    """Return the attributes in the spec of a SelfSubjectAccessReview; InvalidInput unless there is one kind of them."""
    about_resource, about_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(about_resource) == bool(about_path):
        detail = "must specify exactly one of resourceAttributes or nonResourceAttributes"
        raise InvalidInput(resource.kind, resource.group, "", invalid("spec.resourceAttributes", None, detail))
    stated = about_resource or about_path
    told = {name: str(value) for name, value in stated.items()} if isinstance(stated, dict) else {}
    told = {name: told[name] for name in Attributes._fields if name in told}
    told["path"] = "" if about_resource else told.get("path", "/")
    return Attributes(**{"verb": "", **told})

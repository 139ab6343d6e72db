"""SelfSubjectReview, SelfSubjectAccessReview, SelfSubjectRulesReview: answered and never stored. Pure.

Follows ``pkg/registry/authorization`` and ``pkg/registry/authentication``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, format_time
from kubeapi.validation.faults import invalid
from kubeapiserver.auth.authorization import Attributes, allows, rules_of
from kubeapiserver.catalog import SUBJECT, SUBJECT_ACCESS, SUBJECT_RULES
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.messages import Response
from kubeapiserver.requests.bodies import read_object
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.statuses import document_response


def review(request: ResourceRequest, now: float) -> Response:
    """Return the review in the body with its status; ``now`` is in seconds since the epoch."""
    resource, user = request.resource, request.http.user
    spec = read_object(request.http, resource).get("spec") or {}
    if not isinstance(spec, dict):
        raise BadInput(f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: spec is no object')
    if resource == SUBJECT_ACCESS and bool(spec.get("resourceAttributes")) == bool(spec.get("nonResourceAttributes")):
        detail = "must specify exactly one of resourceAttributes or nonResourceAttributes"
        fault = invalid("spec.resourceAttributes", None, detail)
        raise InvalidInput(resource.kind, resource.group, "", fault)
    answered: JSON = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
    if resource == SUBJECT:
        answered["metadata"] = {"creationTimestamp": format_time(now)}
        answered["status"] = {"userInfo": user.document()}
    elif resource == SUBJECT_RULES:
        answered |= {"spec": spec, "status": rules_of(user)}
    else:
        answered |= {"spec": spec, "status": {"allowed": allows(user, _attributes_of(spec))}}
    return document_response(answered, 201)


def _attributes_of(spec: JSON) -> Attributes:
    """Return the attributes in the spec of a SelfSubjectAccessReview."""
    stated = spec.get("resourceAttributes") or spec.get("nonResourceAttributes")
    told = {name: str(value) for name, value in stated.items()} if isinstance(stated, dict) else {}
    return Attributes(
        told.get("verb", ""),
        told.get("group", ""),
        told.get("resource", ""),
        told.get("subresource", ""),
        told.get("namespace", ""),
        told.get("name", ""),
        "" if spec.get("resourceAttributes") else told.get("path", "/"),
    )

"""May I, what may I, and who am I: reviews that are answered and never stored. Pure.

Who asks is the administrator, or whoever the administrator says to be. Follows ``pkg/registry/authorization`` and
``pkg/registry/authentication``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, format_time
from kubeapi.scheme import Resource
from kubeapi.validation.faults import invalid
from kubeapiserver.auth.authorization import Attributes, allows, rules_of
from kubeapiserver.catalog import SUBJECT, SUBJECT_ACCESS, SUBJECT_RULES
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import Bodies
from kubeapiserver.responses.statuses import document_response


def review(request: Request, resource: Resource, bodies: Bodies, now: float) -> Response:
    """Return the review with its answer."""
    body = bodies.read_object(request, resource)
    spec = body.get("spec") or {}
    if not isinstance(spec, dict):
        raise BadInput(f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: spec is no object')
    if resource == SUBJECT_ACCESS and bool(spec.get("resourceAttributes")) == bool(spec.get("nonResourceAttributes")):
        detail = "must specify exactly one of resourceAttributes or nonResourceAttributes"
        fault = invalid("spec.resourceAttributes", None, detail)
        raise InvalidInput(resource.kind, resource.group, "", fault)
    answered: JSON = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
    if resource == SUBJECT:
        answered["metadata"] = {"creationTimestamp": format_time(now)}
        answered["status"] = {"userInfo": request.user.document()}
    elif resource == SUBJECT_RULES:
        answered |= {"spec": spec, "status": rules_of(request.user)}
    else:
        answered |= {"spec": spec, "status": {"allowed": allows(request.user, _attributes_of(spec))}}
    return document_response(answered, 201)


def _attributes_of(spec: JSON) -> Attributes:
    """Return what the spec of a SelfSubjectAccessReview asks for."""
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

"""May I, what may I, and who am I: reviews that are answered and never stored. Pure.

Whoever has the token is the administrator, so the answer is always yes. Follows ``pkg/registry/authorization`` and
``pkg/registry/authentication``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, format_time
from kubeapi.scheme import Resource
from kubeapi.validation.faults import invalid
from kubeapiserver.bodies import Bodies
from kubeapiserver.catalog import SUBJECT, SUBJECT_ACCESS, SUBJECT_RULES
from kubeapiserver.exchange import Request, Response
from kubeapiserver.failures import BadInput, InvalidInput
from kubeapiserver.statuses import document_response

GROUPS = ("system:masters", "system:authenticated")
"""Groups of the administrator."""

_ALLOWED: JSON = {"allowed": True, "reason": "the token of the kubeconfig is the administrator's"}
_RULES: JSON = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


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
        answered["status"] = {"userInfo": {"username": request.user, "groups": list(GROUPS)}}
    else:
        answered |= {"spec": spec, "status": _RULES if resource == SUBJECT_RULES else _ALLOWED}
    return document_response(answered, 201)

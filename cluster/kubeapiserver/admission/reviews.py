"""AdmissionReviews: what a webhook is asked, and what its answer means. Pure.

Follows apiserver ``pkg/admission/plugin/webhook/request/admissionreview.go`` and ``errors/statuserror.go``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.registry.admission import Action
from kubeapi.status import InternalError, StatusError
from kubeapi.users import User
from kubeapiserver.admission.hooks import Hook

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"


class WebhookFailure(Exception):
    """A webhook could not be asked, or its answer cannot be read; the text is the API server's."""


class Verdict(NamedTuple):
    """What a webhook that allows a request wants: a JSON patch (empty: no change), and warnings for the client."""

    patch: Sequence[Any] = ()
    warnings: Sequence[str] = ()


class Requester(NamedTuple):
    """The user that writes, and how the options of each of the writes read."""

    user: User
    options: Callable[[Action], JSON]


def plain_options(action: Action) -> JSON:
    """Return the options of a write that states none."""
    kind = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}.get(action.operation)
    return {"kind": kind, "apiVersion": "meta.k8s.io/v1"} if kind else {}


def review(requester: Requester, action: Action, new: JSON | None, old: JSON | None) -> JSON:
    """Return the request of an AdmissionReview, without its uid."""
    resource = action.resource
    kind = _kind_of(action, new)
    plural = {"group": resource.group, "version": resource.version, "resource": resource.plural}
    parts: dict[str, Any] = {"kind": kind, "resource": plural, "requestKind": kind, "requestResource": plural}
    if action.subresource:
        parts |= {"subResource": action.subresource, "requestSubResource": action.subresource}
    name = action.key.name or (map_at(new, "metadata").get("name") if new else "")
    if name:
        parts["name"] = name
    if action.key.namespace:
        parts["namespace"] = action.key.namespace
    return {
        **parts,
        "operation": action.operation,
        "userInfo": requester.user.document(),
        "object": new,
        "oldObject": old,
        "dryRun": action.is_dry_run,
        "options": requester.options(action) or None,
    }


def _kind_of(action: Action, new: JSON | None) -> JSON:
    """Return the kind of what is sent: of a Binding, a Scale or the options of a connection, that is their own."""
    resource = action.resource
    if not action.subresource or new is None:
        return {"group": resource.group, "version": resource.version, "kind": resource.kind}
    group, _, version = str(new["apiVersion"]).rpartition("/")
    return {"group": group, "version": version, "kind": new["kind"]}


def document(request: JSON, uid: str) -> bytes:
    """Return the AdmissionReview as it is sent."""
    body = {"kind": KIND, "apiVersion": API_VERSION, "request": {"uid": uid, **request}}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def verdict(hook: Hook, uid: str, body: bytes) -> Verdict:
    """Return what the answer of a webhook means.

    StatusError if the webhook denies the request; WebhookFailure for an answer that is none.
    """
    response = _response(body, uid)
    try:
        patch = _patch(hook, response)
    except WebhookFailure as error:
        raise WebhookFailure(f"received invalid webhook response: {error}") from None
    if response.get("allowed") is not True:
        raise denial(hook.name, map_at(response, "status"))
    return Verdict(patch, [str(each) for each in list_at(response, "warnings")])


def denial(name: str, status: Mapping[str, Any]) -> StatusError:
    """Return the error for a request that a webhook denies; ``status`` is what it says of that."""
    denied = f'admission webhook "{name}" denied the request'
    said = status.get("message") or status.get("reason")
    code = status.get("code")
    return StatusError(
        code if type(code) is int and 400 <= code <= 599 else 400,
        str(status.get("reason") or ""),
        f"{denied}: {said}" if said else f"{denied} without explanation",
    )


def failure(hook: Hook, reason: str) -> StatusError:
    """Return the error for a webhook that could not be asked."""
    return InternalError(f'failed calling webhook "{hook.name}": {reason}')


def _response(body: bytes, uid: str) -> JSON:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise WebhookFailure(f"failed to call webhook: couldn't decode the answer as JSON: {error}") from None
    invalid = "received invalid webhook response: "
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        raise WebhookFailure(f"{invalid}webhook response was absent")
    if response.get("uid") != uid:
        raise WebhookFailure(f'{invalid}expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    stated = (answer.get("apiVersion"), answer.get("kind"))
    if stated != (API_VERSION, KIND):
        got = f"{answer.get('apiVersion') or ''}, Kind={answer.get('kind') or ''}"
        raise WebhookFailure(f"{invalid}expected webhook response of {API_VERSION}, Kind={KIND}, got {got}")
    return response


def _patch(hook: Hook, response: JSON) -> Sequence[Any]:
    patch, kind = response.get("patch"), response.get("patchType")
    if not hook.is_mutating:
        for field, value in (("patch", patch), ("patchType", kind)):
            if value:
                raise WebhookFailure(f"validating webhook may not return response.{field}")
        return ()
    if not patch and kind is None:
        return ()
    if not patch:
        raise WebhookFailure("webhook returned response.patchType but not response.patch")
    if kind is None:
        raise WebhookFailure("webhook returned response.patch but not response.patchType")
    if kind != "JSONPatch":
        raise WebhookFailure(f'webhook returned invalid response.patchType of "{kind}"')
    try:
        operations = json.loads(base64.b64decode(patch, validate=True))
    except (ValueError, TypeError, binascii.Error) as error:
        raise WebhookFailure(f"undecodable patch: {error}") from None
    if not isinstance(operations, list):
        raise WebhookFailure("undecodable patch: it is no list of operations")
    return operations

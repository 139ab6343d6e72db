"""AdmissionReviews: what a webhook is asked, and what its answer means. Pure.

Follows apiserver ``pkg/admission/plugin/webhook/request/admissionreview.go`` and ``errors/statuserror.go``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.registry.admission import Action
from kubeapi.scheme import NAMESPACES, Resource
from kubeapi.serialization.gojson import go_kind, read_json, write_json
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
    """The user that writes, how the options of each of the writes read, and the apiVersion that a client asks for."""

    user: User
    options: Callable[[Action], JSON]
    api_version: str = ""


def plain_options(action: Action) -> JSON:
    """Return the options of a write that states none."""
    kind = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}.get(action.operation)
    return {"kind": kind, "apiVersion": "meta.k8s.io/v1"} if kind else {}


class Form(NamedTuple):
    """In which version a webhook is asked, and in which one the client has sent its request."""

    shown: Resource
    requested: Resource


def review(requester: Requester, action: Action, form: Form, new: JSON | None, old: JSON | None) -> JSON:
    """Return the request of an AdmissionReview, without its uid; the objects are in the version that is shown."""
    shown, requested = form
    parts: dict[str, Any] = {
        "kind": _kind_of(shown, action, new),
        "resource": {"group": shown.group, "version": shown.version, "resource": shown.plural},
        "requestKind": _kind_of(requested, action, new),
        "requestResource": {"group": requested.group, "version": requested.version, "resource": requested.plural},
    }
    if action.subresource:
        parts |= {"subResource": action.subresource, "requestSubResource": action.subresource}
    name = action.key.name or (map_at(new, "metadata").get("name") if new else "")
    namespace = name if shown == NAMESPACES else action.key.namespace
    parts |= {field: value for field, value in (("name", name), ("namespace", namespace)) if value}
    return {
        **parts,
        "operation": action.operation,
        "userInfo": requester.user.document(),
        "object": new,
        "oldObject": old,
        "dryRun": action.is_dry_run,
        "options": requester.options(action) or None,
    }


def _kind_of(resource: Resource, action: Action, new: JSON | None) -> JSON:
    """Return the kind of what is sent: of a Binding, a Scale or the options of a connection, that is their own."""
    if not action.subresource or new is None or new["kind"] == resource.kind:
        return {"group": resource.group, "version": resource.version, "kind": resource.kind}
    group, _, version = str(new["apiVersion"]).rpartition("/")
    return {"group": group, "version": version, "kind": new["kind"]}


def document(request: JSON, uid: str) -> bytes:
    """Return the AdmissionReview as it is sent."""
    body = {"kind": KIND, "apiVersion": API_VERSION, "request": {"uid": uid, **request}}
    return write_json(body).encode("utf-8", "surrogatepass")


def verdict(hook: Hook, uid: str, body: bytes) -> Verdict:
    """Return what the answer of a webhook means.

    StatusError if the webhook denies the request; WebhookFailure for an answer that is none.
    """
    response = _response(body, uid)
    if hook.is_mutating:
        patch = _encoded_patch(response)
    else:
        _check_has_no_patch(response)
    if response.get("allowed") is not True:
        raise denial(hook.name, map_at(response, "status"))
    return Verdict(
        _operations(patch) if hook.is_mutating else (), [str(each) for each in list_at(response, "warnings")]
    )


def denial(name: str, status: JSON) -> StatusError:
    """Return the error for a request that a webhook denies; ``status`` is what it says of that."""
    denied = f'admission webhook "{name}" denied the request'
    said = status.get("message") or status.get("reason")
    code = status.get("code")
    return StatusError(
        code if type(code) is int and 400 <= code <= 599 else 400,
        str(status.get("reason") or ""),
        f"{denied}: {said}" if said else f"{denied} without explanation",
        details=map_at(status, "details"),
    )


def failure(hook: Hook, reason: str) -> StatusError:
    """Return the error for a webhook that could not be asked."""
    return InternalError(f'failed calling webhook "{hook.name}": {reason}')


_INVALID = "received invalid webhook response: "


def _response(body: bytes, uid: str) -> JSON:
    try:
        answer = read_json(body)
    except ValueError as error:
        raise WebhookFailure(f"failed to call webhook: couldn't get version/kind; json parse error: {error}") from None
    answer = answer if isinstance(answer, dict) else {}
    version, kind = str(answer.get("apiVersion") or ""), str(answer.get("kind") or "")
    if (version, kind) == ("admission.k8s.io/v1beta1", KIND):
        unknown = f"converting (v1beta1.{KIND}) to (v1.{KIND}): unknown conversion"
        raise WebhookFailure(f"failed to call webhook: {unknown}")
    response = answer.get("response")
    if not isinstance(response, dict):
        raise WebhookFailure(f"{_INVALID}webhook response was absent")
    if response.get("uid") != uid:
        raise WebhookFailure(f'{_INVALID}expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    if (version, kind) != (API_VERSION, KIND):
        got = f"{version if '/' in version else f'/{version}'}, Kind={kind}"
        raise WebhookFailure(f"{_INVALID}expected webhook response of {API_VERSION}, Kind={KIND}, got {got}")
    return response


def _check_has_no_patch(response: JSON) -> None:
    for field in ("patch", "patchType"):
        if response.get(field):
            raise WebhookFailure(f"{_INVALID}validating webhook may not return response.{field}")


def _encoded_patch(response: JSON) -> str:
    """Return the patch of an answer as it is encoded, "" for none."""
    patch, kind = response.get("patch"), response.get("patchType")
    if not patch and kind is not None:
        raise WebhookFailure(f"{_INVALID}webhook returned response.patchType but not response.patch")
    if patch and kind is None:
        raise WebhookFailure(f"{_INVALID}webhook returned response.patch but not response.patchType")
    if patch and kind != "JSONPatch" and _decoded(patch) != b"[]":
        raise WebhookFailure(f'unsupported patch type "{kind}"')
    return patch or ""


def _decoded(patch: Any) -> bytes:
    try:
        return base64.b64decode(patch, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raise WebhookFailure("failed to call webhook: illegal base64 data") from None


def _operations(patch: str) -> Sequence[Any]:
    undecodable = "received undecodable patch in webhook response: "
    try:
        operations = read_json(_decoded(patch)) if patch else []
    except ValueError as error:
        raise WebhookFailure(f"{undecodable}{error}") from None
    if not isinstance(operations, list):
        kind = go_kind(operations)
        raise WebhookFailure(f"{undecodable}json: cannot unmarshal {kind} into Go value of type jsonpatch.Patch")
    return operations

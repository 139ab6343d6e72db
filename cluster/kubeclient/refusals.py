"""What an API server's refusal means. Pure.

A Status in the body speaks for itself; the texts here say what a user can do about it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kubeapi.status import FieldError, StatusError

GONE = 410
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, REQUEST_TIMEOUT, TOO_MANY = 401, 403, 404, 408, 429
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_REDIRECTS = (301, 302, 303, 307, 308)
"""None is followed: no API server redirects, and a page to log in at is no API."""
_OF_PROXIES = 407
"""A proxy that relays requests wants credentials (RFC 9110 15.5.8)."""
_SHOWN = 200
"""Characters of a body that is no Status, in the text of the error."""


class Refusal(StatusError):
    """A request that a remote API server refuses; ``retry_after`` is its Retry-After in seconds, 0 without one."""


def read_refusal(code: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Return the error of an answer with a status of 300 or more; names of headers are in lower case."""
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        speaker = "proxy on the way" if code == _OF_PROXIES else "server"
        status = {"message": f"the {speaker} answers {code}{_said(code, headers, body)}"}
    refusal = refusal_of(status, code)
    refusal.retry_after = max(refusal.retry_after, _seconds(headers.get("retry-after", "")))
    return refusal


def _said(code: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return what else an answer says that is no Status."""
    if code in _REDIRECTS and (place := headers.get("location", "")):
        return f", which sends on to {place[:_SHOWN]}: name the API server itself as server in the kubeconfig"
    text = " ".join(body[: _SHOWN * 4].decode("utf-8", "replace").split())[:_SHOWN]
    return f": {text}" if text else ""


def refusal_of(status: Mapping[str, Any], code: int = 0) -> Refusal:
    """Return the error of a metav1.Status; ``code`` is for one without its own."""
    code = _integer(status.get("code")) or code or 500
    details = status.get("details")
    details = details if isinstance(details, dict) else {}
    causes = details.get("causes")
    return Refusal(
        code,
        str(status.get("reason") or _REASONS.get(code, "Unknown")),
        str(status.get("message") or f"the server answers {code}"),
        tuple(_cause(each) for each in causes if isinstance(each, dict)) if isinstance(causes, list) else (),
        str(details.get("kind") or ""),
        str(details.get("group") or ""),
        str(details.get("name") or ""),
        float(_integer(details.get("retryAfterSeconds"))),
    )


def with_remedy(refusal: Refusal, where: str) -> Refusal:
    """Return a refusal whose text says what to do about missing credentials or permission; ``where`` is the context."""
    if refusal.code == UNAUTHORIZED:
        refusal.message = f"{where} refuses the credentials ({refusal.message}); log in again, or renew the kubeconfig"
    elif refusal.code == FORBIDDEN and "cannot" in refusal.message:
        refusal.message = f"{refusal.message}; a Role that allows it, bound to this user, helps"
    return refusal


def must_list_again(refusal: StatusError) -> bool:
    """Tell whether a watch that was refused so can never go on from its version.

    Without permission, or from a busy server, it may: later.
    """
    if any(each.reason == "ResourceVersionTooLarge" for each in refusal.causes):
        return True
    return refusal.code < 500 and refusal.code not in (UNAUTHORIZED, FORBIDDEN, REQUEST_TIMEOUT, TOO_MANY)


def knows_no_initial_events(refusal: StatusError) -> bool:
    """Tell whether a server refuses a watch that begins with all objects, because it does not know such watches."""
    return refusal.code in (400, NOT_FOUND, 405, 406, 415, 422, 501)


def _cause(cause: Mapping[str, Any]) -> FieldError:
    return FieldError(str(cause.get("reason", "")), str(cause.get("field", "")), str(cause.get("message", "")))


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def _seconds(text: str) -> float:
    """Return a Retry-After in seconds; one that is a date is none, as for client-go."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0

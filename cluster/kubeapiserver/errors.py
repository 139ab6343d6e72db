"""Errors about requests rather than objects: wrong method, media type, option or selector. Pure.

``kubeapi.status`` has those about objects. Messages are those of apiserver ``pkg/endpoints`` and of go-restful.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.status import FieldError, StatusError

ACCEPTED_MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
"""Media types of bodies that hold an object."""

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of a request's body (apiserver MaxRequestBodyBytes)."""


class BadInput(StatusError):
    """400: the request cannot be read; ``message`` is the whole text."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "BadRequest", message)


class Unauthorized(StatusError):
    """401: the request has no valid token."""

    def __init__(self) -> None:
        super().__init__(401, "Unauthorized", "Unauthorized")


class ForbiddenRequest(StatusError):
    """403: the request is not allowed, whatever its object is."""

    def __init__(self, detail: str) -> None:
        super().__init__(403, "Forbidden", f"forbidden: {detail}")


class UnknownPath(StatusError):
    """404: the path is not served, though its group and version are."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "the server could not find the requested resource")


class MethodNotAllowed(StatusError):
    """405: the resource is served, but not this verb."""

    def __init__(self) -> None:
        super().__init__(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


class NotAcceptable(StatusError):
    """406: the answer cannot have the form that the client wants; ``accepted`` are the possible media types."""

    def __init__(self, accepted: Sequence[str] = ACCEPTED_MEDIA) -> None:
        message = f"only the following media types are accepted: {', '.join(accepted)}"
        super().__init__(406, "NotAcceptable", message)


class BodyTimeout(StatusError):
    """408: the body did not arrive in time."""

    def __init__(self) -> None:
        super().__init__(408, "Timeout", "the request's body did not arrive in time")


class TooLarge(StatusError):
    """413: the body, or the patch in it, is too large."""

    def __init__(self, detail: str = f"limit is {BODY_LIMIT}") -> None:
        super().__init__(413, "RequestEntityTooLarge", f"Request entity too large: {detail}")


class UnsupportedMedia(StatusError):
    """415: the body has an unknown media type."""

    def __init__(self, accepted: Sequence[str] = ACCEPTED_MEDIA) -> None:
        types = ", ".join(accepted)
        message = f"the body of the request was in an unknown format - accepted media types include: {types}"
        super().__init__(415, "UnsupportedMediaType", message)


class Unprocessable(StatusError):
    """422: the patch does not fit its object."""

    def __init__(self) -> None:
        super().__init__(422, "Invalid", "the server rejected our request due to an error in our request")


class InvalidInput(StatusError):
    """422: faults of a request's options, or of an object that is never stored (Scale, Binding, reviews)."""

    def __init__(self, kind: str, group: str, name: str, *causes: FieldError) -> None:
        texts = [str(cause) for cause in causes]
        detail = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        qualified = f"{kind}.{group}" if group else kind
        super().__init__(422, "Invalid", f'{qualified} "{name}" is invalid: {detail}', causes, kind, group, name)


class InvalidOptions(InvalidInput):
    """422: faults of a request's query: ``ListOptions.meta.k8s.io "" is invalid``."""

    def __init__(self, kind: str, *causes: FieldError) -> None:
        super().__init__(kind, "meta.k8s.io", "", *causes)


class TooManyRequests(StatusError):
    """429: the limit of open watches or sessions (``what``) is reached."""

    def __init__(self, what: str) -> None:
        super().__init__(429, "TooManyRequests", f"too many {what} at a time, please try again later")


class ServiceUnavailable(StatusError):
    """503: there is no endpoint that can answer (NewServiceUnavailable)."""

    def __init__(self, message: str) -> None:
        super().__init__(503, "ServiceUnavailable", message)


class DisruptionRefused(StatusError):
    """429: a pod may not be evicted now; ``cause`` is why its budget does not allow that."""

    def __init__(self, cause: FieldError, retry_after: int = 0) -> None:
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        super().__init__(429, "TooManyRequests", message, (cause,), retry_after=retry_after)


class FutureVersion(StatusError):
    """504: the resourceVersion has not been reached yet (storage.NewTooLargeResourceVersionError)."""

    def __init__(self, asked: int, current: int) -> None:
        cause = FieldError("ResourceVersionTooLarge", "", "Too large resource version")
        message = f"Too large resource version: {asked}, current: {current}"
        super().__init__(504, "Timeout", message, (cause,), retry_after=1)

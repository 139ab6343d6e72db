"""How the API server says no where no object is to blame: wrong method, media type, option or selector. Pure.

Messages are those of apiserver ``pkg/endpoints`` and of go-restful, which answers some requests before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.status import FieldError, StatusError

ACCEPTED_MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
"""Media types of bodies that hold an object."""

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of a request's body (apiserver MaxRequestBodyBytes)."""


class BadInput(StatusError):
    """400: a request that cannot be read; ``message`` is the whole text."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "BadRequest", message)


class UnknownPath(StatusError):
    """404: nothing is served under this path of a group and version that is served."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "the server could not find the requested resource")


class MethodNotAllowed(StatusError):
    """405: the resource is served, but not this verb."""

    def __init__(self) -> None:
        super().__init__(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


class NotAcceptable(StatusError):
    """406: the answer has no such form; ``accepted`` are the media types that there are."""

    def __init__(self, accepted: Sequence[str] = ACCEPTED_MEDIA) -> None:
        message = f"only the following media types are accepted: {', '.join(accepted)}"
        super().__init__(406, "NotAcceptable", message)


class TooLarge(StatusError):
    """413: the body is larger than the limit."""

    def __init__(self, limit: int = BODY_LIMIT) -> None:
        super().__init__(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


class UnsupportedMedia(StatusError):
    """415: the body is of a type that nobody here can read."""

    def __init__(self) -> None:
        types = ", ".join(ACCEPTED_MEDIA)
        message = f"the body of the request was in an unknown format - accepted media types include: {types}"
        super().__init__(415, "UnsupportedMediaType", message)


class Unprocessable(StatusError):
    """422: a patch that does not fit the object that it is for."""

    def __init__(self) -> None:
        super().__init__(422, "Invalid", "the server rejected our request due to an error in our request")


class InvalidInput(StatusError):
    """422: faults of what came with a request, be it its options, or a kind that is never stored."""

    def __init__(self, kind: str, group: str, name: str, *causes: FieldError) -> None:
        texts = [str(cause) for cause in causes]
        detail = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        qualified = f"{kind}.{group}" if group else kind
        super().__init__(422, "Invalid", f'{qualified} "{name}" is invalid: {detail}', causes, kind, group, name)


class InvalidOptions(InvalidInput):
    """422: faults of a request's query, such as ``ListOptions.meta.k8s.io "" is invalid``."""

    def __init__(self, kind: str, *causes: FieldError) -> None:
        super().__init__(kind, "meta.k8s.io", "", *causes)


class FutureVersion(StatusError):
    """504: a resourceVersion that has not been reached (storage.NewTooLargeResourceVersionError)."""

    def __init__(self, asked: int, current: int) -> None:
        cause = FieldError("ResourceVersionTooLarge", "", "Too large resource version")
        message = f"Too large resource version: {asked}, current: {current}"
        super().__init__(504, "Timeout", message, (cause,))

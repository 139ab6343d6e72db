"""How the API says no: ``StatusError``, with the reasons and codes of metav1.Status.

Messages are those of k8s.io/apimachinery ``api/errors``; kubectl prints them as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kubeapi.scheme import Resource


class FieldError(NamedTuple):
    """One fault of one field.

    ``reason`` is a metav1 CauseType (``FieldValueInvalid`` ...), ``field`` the path (``spec.ports[0].port``) and
    ``message`` what follows it (``Invalid value: 0: must be between 1 and 65535, inclusive``).
    """

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(eq=False)
class StatusError(Exception):
    """A request that the API refuses; ``code`` is the HTTP status and ``reason`` metav1's StatusReason.

    ``retry_after`` are the seconds after which a client may ask again, 0 for no such advice. ``details``, if not None,
    are told in place of those that the other fields make.
    """

    code: int
    reason: str
    message: str
    causes: tuple[FieldError, ...] = ()
    kind: str = ""
    group: str = ""
    name: str = ""
    retry_after: float = 0.0
    details: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return self.message


class BadRequest(StatusError):
    """400: what was sent cannot be read as an object of the resource."""

    def __init__(self, resource: Resource, detail: str, causes: tuple[FieldError, ...] = ()) -> None:
        message = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {detail}'
        super().__init__(400, "BadRequest", message, causes)


class Forbidden(StatusError):
    """403: the cluster does not allow this to be done to the object."""

    def __init__(self, resource: Resource, name: str, detail: str) -> None:
        message = f'{resource.qualified} "{name}" is forbidden: {detail}'
        super().__init__(403, "Forbidden", message, (), resource.plural, resource.group, name)


class InternalError(StatusError):
    """500: the cluster cannot do it, and it is not the object's fault."""

    def __init__(self, detail: str) -> None:
        super().__init__(500, "InternalError", f"Internal error occurred: {detail}")


class NotFound(StatusError):
    """404: there is no such object."""

    def __init__(self, resource: Resource, name: str) -> None:
        message = f'{resource.qualified} "{name}" not found'
        super().__init__(404, "NotFound", message, (), resource.plural, resource.group, name)


class NoSubresource(StatusError):
    """404: the resource has no such subresource (status, scale)."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "the server could not find the requested resource")


class AlreadyExists(StatusError):
    """409: an object of that name is there."""

    def __init__(self, resource: Resource, name: str) -> None:
        message = f'{resource.qualified} "{name}" already exists'
        super().__init__(409, "AlreadyExists", message, (), resource.plural, resource.group, name)


class Conflict(StatusError):
    """409: the write was based on an older version (or another uid) than the stored one."""

    def __init__(self, resource: Resource, name: str, detail: str = "") -> None:
        detail = detail or (
            "the object has been modified; please apply your changes to the latest version and try again"
        )
        message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {detail}'
        super().__init__(409, "Conflict", message, (), resource.plural, resource.group, name)


class Expired(StatusError):
    """410: a watch asks for events that the bounded history no longer has; list again."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(410, "Expired", f"too old resource version: {asked} ({oldest})")


class Invalid(StatusError):
    """422: the object has faults; every one of them is a cause, once."""

    def __init__(self, resource: Resource, name: str, causes: tuple[FieldError, ...]) -> None:
        causes = tuple(dict.fromkeys(causes))
        texts = [str(cause) for cause in causes]
        detail = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        super().__init__(
            422,
            "Invalid",
            f'{kind} "{name}" is invalid: {detail}',
            causes,
            resource.kind,
            resource.group,
            name,
        )


def aggregated(errors: Iterable[str]) -> str:
    """Return errors as Go prints an aggregate of them, each once (apimachinery ``util/errors`` NewAggregate)."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"

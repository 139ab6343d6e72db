"""What an API server is given by others: decoders of bodies, admission, server-side apply, further documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry
from kubeapi.scheme import Resource
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.bodies import Decoder

Admit = Callable[[Resource, JSON], tuple[JSON, Sequence[str]]]
"""Returns the object as it is to be written, and what the client is warned of."""

Encoder = Callable[[bytes], bytes]
"""Returns an answer that is JSON in another media type."""

Documents = Callable[[Request], Response | None]
"""Answers paths that are nobody's so far, such as ``/openapi/v3``; None for those that it does not know."""


class ServerSideApply(Protocol):
    """Applies a configuration on behalf of a manager; returns the object, and whether it is new."""

    def __call__(
        self,
        registry: Registry,
        resource: Resource,
        key: ObjectKey,
        body: JSON,
        manager: str,
        force: bool,
        dry_run: bool,
        subresource: str = "",
    ) -> tuple[JSON, bool]:
        """Apply to the object, or to a ``subresource`` of it (``status``, ``scale``).

        Raise StatusError 409 with FieldManagerConflict causes where another manager owns a field.
        """
        ...


class Track(Protocol):
    """Notes in ``metadata.managedFields`` who wrote what; returns the object with the note."""

    def __call__(
        self, resource: Resource, old: JSON | None, new: JSON, manager: str, subresource: str, now: float
    ) -> JSON:
        """``old`` is None when the object is new; ``now`` is in seconds since the epoch."""
        ...


def admit_as_is(resource: Resource, obj: JSON) -> tuple[JSON, Sequence[str]]:
    """Admit everything."""
    return obj, ()


def track_nothing(resource: Resource, old: JSON | None, new: JSON, manager: str, subresource: str, now: float) -> JSON:
    """Note nothing."""
    return new


def no_documents(request: Request) -> None:
    """Know no further document."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the composition root connects. Without any, the server takes JSON, and applies nothing server-side."""

    decoders: Mapping[str, Decoder] = field(default_factory=dict)
    """Readers of bodies by media type, such as application/yaml and application/vnd.kubernetes.protobuf."""

    encoders: Mapping[str, Encoder] = field(default_factory=dict)
    """Writers of answers by media type, such as application/yaml; they are given the answer's JSON."""

    admit: Admit = admit_as_is
    apply: ServerSideApply | None = None
    track: Track = track_nothing
    documents: Documents = no_documents

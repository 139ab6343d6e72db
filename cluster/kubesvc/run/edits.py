"""Changes to a running cluster, from `up --watch`, a second `up` or Python: a dry run of all precedes any write.

Thousands of objects take seconds, during which connections must go on, so the event loop gets its turn in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.status import FieldError, StatusError
from kubemanifest.applying import Applied, faults_of, in_order
from kubemanifest.clientapply import apply
from kubemanifest.documents import Document
from kubemanifest.faults import Fault

T = TypeVar("T")

SLICE_SECONDS = 0.01
"""Longest time for which the event loop is held, apart from a single slow object."""


class Refusal(NamedTuple):
    """A document that the Registry refuses."""

    document: Document
    error: StatusError

    def faults(self) -> list[Fault]:
        """Return the faults, with their positions."""
        return faults_of(self.document, self.error)

    def as_json(self) -> JSON:
        """Return the refusal as JSON, for a client that has the document; ``read_refusal`` reads it."""
        error = self.error
        return {
            "object": identity(self.document),
            "code": error.code,
            "reason": error.reason,
            "kind": error.kind,
            "message": error.message,
            "causes": [list(each) for each in error.causes],
        }


def identity(document: Document) -> list[str]:
    """Return what identifies a document within its input: kind, namespace and name."""
    return [document.obj["kind"], document.namespace, document.name]


def read_refusal(document: Document, said: Mapping[str, Any]) -> Refusal:
    """Return a refusal from its JSON."""
    causes = tuple(FieldError(*each) for each in said["causes"])
    error = StatusError(said["code"], said["reason"], said["message"], causes, said["kind"])
    return Refusal(document, error)


class Edited(NamedTuple):
    """The outcome. Nothing is ``applied`` if the dry run ``refused`` any document."""

    applied: list[Applied]
    refused: list[Refusal]


async def apply_edits(registry: Registry, documents: Iterable[Document]) -> Edited:
    """Write the documents in order. Writes nothing if the change of any existing object is refused."""
    ordered = in_order(documents)

    def attempt(document: Document, *, dry_run: bool) -> Applied | Refusal:
        try:
            _, outcome = apply(registry, document.resource, document.obj, dry_run=dry_run)
        except StatusError as error:
            return Refusal(document, error)
        return Applied(document.resource, document.namespace, document.name, outcome)

    stored = [each for each in ordered if registry.store.find(each.resource, each.key) is not None]
    rehearsed = await _in_slices(stored, lambda each: attempt(each, dry_run=True))
    if refused := [each for each in rehearsed if isinstance(each, Refusal)]:
        return Edited([], refused)
    # Shielded, so that a client that disconnects does not leave half of its documents applied.
    made = await asyncio.shield(_in_slices(ordered, lambda each: attempt(each, dry_run=False)))
    return Edited(
        [each for each in made if isinstance(each, Applied)], [each for each in made if isinstance(each, Refusal)]
    )


async def _in_slices(documents: Sequence[Document], do: Callable[[Document], T]) -> list[T]:
    done: list[T] = []
    begun = time.monotonic()
    for each in documents:
        done.append(do(each))
        if time.monotonic() - begun > SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = time.monotonic()
    return done

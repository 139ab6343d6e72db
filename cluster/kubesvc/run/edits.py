"""Documents for a cluster that runs, of `up --watch` and of a second `up`: all are tried before any is applied.

A change of thousands of objects takes seconds, in which connections must go on: it is made in slices of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.status import FieldError, StatusError
from kubemanifest import Applied, Document, Fault, faults_of, in_order
from kubemanifest.clientapply import apply

T = TypeVar("T")

SLICE_SECONDS = 0.01
"""How long the event loop is held at most, but for one object."""


class Refusal(NamedTuple):
    """A document that the Registry does not take."""

    document: Document
    error: StatusError

    def faults(self) -> list[Fault]:
        """Return the faults, with their places."""
        return faults_of(self.document, self.error)

    def as_json(self) -> JSON:
        """Return what a client that has the document needs to know."""
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
    """Return what tells a document from the others of an input."""
    return [document.obj["kind"], document.namespace, document.name]


def read_refusal(document: Document, said: Mapping[str, Any]) -> Refusal:
    """Return a refusal from its JSON."""
    causes = tuple(FieldError(*each) for each in said["causes"])
    error = StatusError(said["code"], said["reason"], said["message"], causes, said["kind"])
    return Refusal(document, error)


class Edited(NamedTuple):
    """What became of the documents: nothing is ``applied`` if the rehearsal ``refused`` any."""

    applied: list[Applied]
    refused: list[Refusal]


async def apply_edits(registry: Registry, documents: Iterable[Document]) -> Edited:
    """Write the documents, in order, unless one of those that are there already may not be changed so."""
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
    # Once begun it is done to its end, whatever becomes of who has asked for it.
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

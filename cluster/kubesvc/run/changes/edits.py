"""Changes to a running cluster, from `up --watch`, a second `up` or Python: a dry run of all precedes any write.

Thousands of objects take seconds, during which connections must go on, so the event loop gets its turn in between.
Admission policies and webhooks review what is written, as they do for kubectl; the dry run asks policies alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from kubeaggregator.io.extensions import Extensions
from kubeapi.extensions.apis import ExtensionResource
from kubeapi.io.client import Client
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.registry.admission import Admission
from kubeapi.scheme import NAMESPACES
from kubeapi.status import FieldError, StatusError
from kubeapi.users import ADMINISTRATOR, User
from kubeapi.webhooks.calls import Call, CallNeeded, Outcome, Reviews
from kubemanifest.applying import Applied, faults_of, in_order
from kubemanifest.clientapply import apply
from kubemanifest.documents import Document
from kubemanifest.faults import Fault
from kubesvc.run.api.admissions import ClusterAdmissions

T = TypeVar("T")

CallAgain = Callable[[Outcome], Awaitable[bool]]
"""Asked for each webhook that failed: whether to call it again."""

SERVER_SECONDS = 30.0
"""How long an edit waits for an extension API server, which may be a pod that it has just made."""
AGAIN_SECONDS = 0.1
"""Pause before what is not there yet is asked again."""
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


def all_faults(refused: Iterable[Refusal]) -> list[Fault]:
    """Return the faults of refusals in the order of the input, without advice to add a Namespace that was refused."""
    given = [*refused]
    lost = {each.document.name for each in given if each.document.resource == NAMESPACES}
    return sorted(
        fault._replace(hint="") if each.document.namespace in lost else fault
        for each in given
        for fault in each.faults()
    )


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
    warnings: Sequence[tuple[Document, str]] = ()
    """What policies and webhooks warn of."""
    is_begun: bool = True
    """Whether the dry run refused none."""


class Editor:
    """Writes documents to a running cluster. ``admissions`` None: nothing is reviewed.

    ``extensions`` returns the extension API servers.
    """

    def __init__(
        self,
        registry: Registry,
        admissions: ClusterAdmissions | None = None,
        extensions: Callable[[], Extensions | None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._admissions = admissions
        self._extensions = extensions
        self.warnings: list[tuple[Document, str]] = []
        """What policies and webhooks have warned of."""

    async def apply(self, document: Document, is_called_again: CallAgain | None = None) -> Applied | Refusal:
        """Write a document, once the webhooks that review it have been asked."""
        if isinstance(document.resource, ExtensionResource):
            return await self._apply_remote(document, document.resource)
        heard = _Heard(self._admissions, is_called_again) if self._admissions is not None else None
        client = Client(self._registry, ADMINISTRATOR, heard)
        try:
            _, outcome = await client.write(lambda acting: apply(acting, document.resource, document.obj))
        except StatusError as error:
            return Refusal(document, error)
        self.warnings += [(document, each) for each in heard.warnings] if heard is not None else []
        return Applied(document.resource, document.namespace, document.name, outcome)

    async def _apply_remote(self, document: Document, resource: ExtensionResource) -> Applied | Refusal:
        # Imported here, because most clusters have no extension API servers.
        from kubeaggregator.io.applying import apply as apply_remote

        try:
            outcome, warnings = await apply_remote(self._servers(), resource, document.obj)
        except StatusError as error:
            return Refusal(document, error)
        self.warnings += [(document, each) for each in warnings]
        return Applied(resource, document.namespace, document.name, outcome)

    def _servers(self) -> Extensions:
        found = self._extensions()
        if found is None:
            raise StatusError(503, "ServiceUnavailable", "the cluster's API server has not started")
        return found

    async def refusal(self, document: Document) -> Refusal | None:
        """Return why the change of an object would be refused, None if no reason is known."""
        registry, admissions = self._registry, self._admissions
        acting = registry.acting(admissions.rehearsal(ADMINISTRATOR)) if admissions is not None else registry
        try:
            apply(acting, document.resource, document.obj, dry_run=True)
        except CallNeeded:
            return None
        except StatusError as error:
            return Refusal(document, error)
        return None

    async def write(self, attempt: Callable[[Registry], object]) -> None:
        """Make an attempt for the administrator; StatusError."""
        await Client(self._registry, ADMINISTRATOR, self._admissions).write(attempt)

    async def delete(self, document: Document) -> None:
        """Delete the object of a document; StatusError."""
        if isinstance(document.resource, ExtensionResource):
            from kubeaggregator.io.applying import delete

            await delete(self._servers(), document.resource, document.key)
            return
        await self.write(lambda acting: acting.delete(document.resource, document.namespace, document.name))

    def stored(self, documents: Iterable[Document]) -> list[Document]:
        """Return the documents whose objects are there already."""
        return [each for each in documents if self._registry.store.find(each.resource, each.key) is not None]


class _Heard:
    """The admissions for one write, of which the warnings of its last attempt are kept."""

    def __init__(self, admissions: ClusterAdmissions, is_called_again: CallAgain | None) -> None:
        self._admissions = admissions
        self._is_called_again = is_called_again
        self.warnings: list[str] = []

    def admission(self, user: User, reviews: Reviews | None) -> Admission:
        self.warnings = []
        return self._admissions.admission(user, reviews, self.warnings)

    async def call(self, wanted: Call) -> Outcome:
        while True:
            outcome = await self._admissions.call(wanted)
            if not outcome.failure or self._is_called_again is None or not await self._is_called_again(outcome):
                return outcome


async def apply_edits(editor: Editor, documents: Iterable[Document], patience: float = SERVER_SECONDS) -> Edited:
    """Write the documents in order. Writes nothing if the change of any existing object is refused.

    An extension API server that does not answer is waited for, ``patience`` seconds at the most.
    """
    ordered = in_order(documents)
    rehearsed = await _in_slices(editor.stored(ordered), editor.refusal)
    if refused := [each for each in rehearsed if each is not None]:
        return Edited([], refused, is_begun=False)
    # Shielded, so that a client that disconnects does not leave half of its documents applied.
    deadline = asyncio.get_running_loop().time() + patience
    made = await asyncio.shield(_in_slices(ordered, partial(_apply_until, deadline, editor)))
    return Edited(
        [each for each in made if isinstance(each, Applied)],
        [each for each in made if isinstance(each, Refusal)],
        editor.warnings,
    )


async def _apply_until(deadline: float, editor: Editor, document: Document) -> Applied | Refusal:
    while True:
        written = await editor.apply(document)
        if not has_no_server(written) or asyncio.get_running_loop().time() > deadline:
            return written
        await asyncio.sleep(AGAIN_SECONDS)


def has_no_server(written: Applied | Refusal) -> bool:
    """Tell whether the extension API server that has an object does not answer (yet)."""
    return isinstance(written, Refusal) and written.document.is_remote and written.error.code == 503


async def _in_slices(documents: Sequence[Document], do: Callable[[Document], Awaitable[T]]) -> list[T]:
    done: list[T] = []
    begun = time.monotonic()
    for each in documents:
        done.append(await do(each))
        if time.monotonic() - begun > SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = time.monotonic()
    return done

"""From documents to the Registry, and from its refusals back to the lines of the input.

Decides the order in which objects are written, so that explicit addresses and node ports are taken before free ones are
allocated and policies review what is written after them, and what is deleted when a watched file was edited. Follows
``kubectl apply``; validates nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, Resource
from kubeapi.status import FieldError, StatusError
from kubeapi.webhooks.calls import CallNeeded
from kubemanifest.clientapply import Outcome, apply
from kubemanifest.documents import Document, Loaded
from kubemanifest.faults import Fault, is_written

_OF_WHAT_IS_MISSING = ("NotFound", "Forbidden")
"""How an object is refused whose namespace, ServiceAccount or PriorityClass is not there."""


class Applied(NamedTuple):
    """The result of one document; prints as kubectl's line, ``service/web created``."""

    resource: Resource
    namespace: str
    name: str
    outcome: Outcome

    def __str__(self) -> str:
        group = f".{self.resource.group}" if self.resource.group else ""
        return f"{self.resource.kind.lower()}{group}/{self.name} {self.outcome}"


class Changes(NamedTuple):
    """The difference between two readings of the same paths."""

    applied: tuple[Document, ...]
    """New and edited documents, in the order to apply them."""
    deleted: tuple[Document, ...]
    """Documents that vanished, in the order to delete them."""


class Written(NamedTuple):
    """What has come of documents.

    ``waiting`` are those that a webhook has to be asked about first, and those that may need one of them.
    """

    faults: list[Fault]
    applied: list[Applied]
    waiting: list[Document]


def in_order(documents: Iterable[Document]) -> list[Document]:
    """Return the documents in the order to apply them: those that others need first, then as they were written.

    What reviews writes (an admission policy, its binding, the configuration of a webhook) stays between what is written
    before and after it, as with kubectl. What extension API servers have comes last: they may be pods.
    """
    given = [*documents]
    order = sorted(zip(_steps(given), given, strict=True), key=lambda each: (each[0], *_rank(each[1])))
    return sorted((document for _, document in order), key=lambda each: each.is_remote)


def _steps(documents: Sequence[Document]) -> list[int]:
    """Return for each document how many before it review writes; what another one is part of comes no later than it."""
    before = [0, *accumulate(kind_of(each.resource).reviews_writes for each in documents)]
    needed: dict[tuple[Resource, str], int] = {}
    for document, step in zip(documents, before, strict=False):
        needed.setdefault((NAMESPACES, document.namespace), step)
        if isinstance(document.custom, CustomResource):
            needed.setdefault((CUSTOM_RESOURCE_DEFINITIONS, document.custom.qualified), step)
    return [
        min(step, needed.get((each.resource, each.name), step)) for each, step in zip(documents, before, strict=False)
    ]


def _rank(document: Document) -> tuple[int, bool]:
    """Return the sort key: documents that claim an address or a port come before those that get a free one."""
    kind = kind_of(document.resource)
    return kind.apply_rank, not kind.claims(document.obj)


def apply_documents(acting: Callable[[Document], Registry], documents: Iterable[Document]) -> Written:
    """Write every document that its Registry takes; return the faults of the others, with their positions."""
    written = Written([], [], [])
    for document in in_order(documents):
        try:
            _, outcome = apply(acting(document), document.resource, document.obj)
        except CallNeeded:
            written.waiting.append(document)
        except StatusError as error:
            if written.waiting and error.reason in _OF_WHAT_IS_MISSING:
                written.waiting.append(document)
            else:
                written.faults.extend(faults_of(document, error))
        else:
            written.applied.append(Applied(document.resource, document.namespace, document.name, outcome))
    written.faults.sort()
    return written


def _misses_namespace(error: StatusError) -> bool:
    return error.reason == "NotFound" and error.kind == NAMESPACES.plural


def warning_of(document: Document, text: str) -> Fault:
    """Return what a policy or a webhook warns of, at the object's name."""
    return document.fault(FieldError("", "metadata.name", text))._replace(field="")


def faults_of(document: Document, error: StatusError) -> list[Fault]:
    """Return the faults that a refusal of the Registry means: one per cause, or one at the object's name."""
    if error.causes:
        return [document.fault(cause) for cause in error.causes if not _is_echo(document, cause.field)]
    if _misses_namespace(error):
        refusal = FieldError(error.reason, "metadata.namespace", error.message)
        return [document.fault(refusal, f"add a Namespace {document.namespace} to the manifests")]
    return [document.fault(FieldError(error.reason, "metadata.name", error.message))._replace(field="")]


def _is_echo(document: Document, field: str) -> bool:
    """Tell whether a fault only follows from a field that could not be read: below it, or defaulted from it."""
    parent = field.rpartition(".")[0]
    return any(
        field == each
        or field.startswith((f"{each}.", f"{each}["))
        or (
            each.rpartition(".")[0] == parent and field.endswith("targetPort") and not is_written(document.place, field)
        )
        for each in document.faulty
    )


def with_objects(
    documents: Iterable[Document], change: Callable[[JSON], tuple[JSON, Sequence[FieldError]]]
) -> tuple[tuple[Document, ...], list[Fault]]:
    """Return the documents with changed objects, and the notes of the change as warnings with positions."""
    changed: list[Document] = []
    warnings: list[Fault] = []
    for document in documents:
        obj, notes = change(document.obj)
        changed.append(document._replace(obj=obj))
        warnings += [document.fault(note) for note in notes]
    return tuple(changed), warnings


def without(loaded: Loaded, left_out: Iterable[Document]) -> Loaded:
    """Return a reading without some of its documents, by which these are applied at the next difference."""
    gone = {(each.resource, each.key) for each in left_out}
    return loaded._replace(documents=tuple(each for each in loaded.documents if (each.resource, each.key) not in gone))


def changes_between(before: Loaded, after: Loaded) -> Changes:
    """Return what to apply and what to delete to get from one reading to another. Positions do not count."""
    old = {(each.resource, each.key): each for each in before.documents}
    new = {(each.resource, each.key): each for each in after.documents}
    edited = [each for identity, each in new.items() if identity not in old or old[identity].obj != each.obj]
    gone = [each for identity, each in old.items() if identity not in new]
    return Changes(tuple(in_order(edited)), tuple(reversed(in_order(gone))))

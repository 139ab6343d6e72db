"""Applies documents to a Store of which no cluster runs; its policies and webhooks review those of a start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.registry import Registry
from kubeapi.registry.admission import ADMIT_ALL
from kubeapi.users import ADMINISTRATOR
from kubeapiserver.admission.reviews import Requester, plain_options
from kubeapiserver.admission.webhooks import Webhooks
from kubemanifest.applying import apply_documents, warning_of
from kubemanifest.documents import Document
from kubemanifest.faults import Fault


class Rehearsed(NamedTuple):
    """What has come of documents: faults, what policies warn of, and which wait for a webhook or an API server."""

    faults: Sequence[Fault] = ()
    warnings: Sequence[Fault] = ()
    postponed: Sequence[Document] = ()


NOTHING = Rehearsed()


def rehearse(registry: Registry, documents: Sequence[Document], *, is_reviewed: bool = True) -> Rehearsed:
    """Write the documents, each reviewed by what is there when its turn comes, unless a cluster will do that."""
    webhooks, heard = Webhooks(registry.store, registry.rng), dict[int, list[str]]()

    def acting(document: Document) -> Registry:
        if not is_reviewed:
            return registry
        said: list[str] = []
        admission = webhooks.admission(Requester(ADMINISTRATOR, plain_options), None, said)
        if admission is ADMIT_ALL:
            return registry
        heard[id(document)] = said
        return registry.acting(admission)

    faults, _, waiting = apply_documents(acting, (each for each in documents if not each.is_remote))
    for each in waiting:  # they are reviewed again
        heard.pop(id(each), None)
    warnings = [warning_of(each, text) for each in documents for text in heard.get(id(each), ())]
    return Rehearsed(faults, warnings, [*waiting, *(each for each in documents if each.is_remote)])

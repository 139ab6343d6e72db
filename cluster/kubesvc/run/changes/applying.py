"""Applying objects to a running cluster, and reporting until it is ready; for `kubesvc up` on one that runs already."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from itertools import filterfalse
from typing import Protocol

from kubeapi.meta import JSON
from kubeapi.store import Store
from kubemanifest.documents import Document
from kubesvc.run.changes.edits import SERVER_SECONDS, Editor, apply_edits, identity
from kubesvc.run.eventwarnings import EventWarnings
from kubesvc.state.journal import Journal


class Appliable(Protocol):
    """The cluster, as far as it is needed here."""

    store: Store
    journal: Journal

    def editor(self) -> Editor:
        """Return what writes documents for the administrator."""
        ...

    def problems(self) -> list[str]:
        """Return what the cluster runs without, and its own faults, one sentence each."""
        ...

    def service_problems(self) -> list[str]:
        """Return the reason for each Service that has no ready endpoint, one sentence each."""
        ...

    def waiting_for(self) -> list[str]:
        """Return what is not ready yet, one sentence each."""
        ...

    async def last_words(self) -> list[str]:
        """Return the last lines that failing containers have written."""
        ...

    async def wait_until_ready(self, timeout: float = 0) -> None:
        """Return once everything is ready; TimeoutError."""
        ...


async def apply_and_wait(
    cluster: Appliable, documents: Sequence[Document], timeout: float
) -> AsyncGenerator[JSON, None]:
    """Yield the reports of ``Cluster.apply_and_wait``."""
    warnings, before = list[str](), cluster.problems()
    with EventWarnings(cluster.store, warnings.append).following():
        edited = await apply_edits(cluster.editor(), documents, min(timeout or SERVER_SECONDS, SERVER_SECONDS))
        await cluster.journal.flushed()
        yield {
            "applied": [str(each) for each in edited.applied],
            "refused": [each.as_json() for each in edited.refused],
        }
        if edited.refused:
            return
        is_ready = await _becomes_ready(cluster, timeout)
    warnings += [f"{' '.join(filter(None, identity(each)))}: {text}" for each, text in edited.warnings]
    warnings += [*filterfalse(before.__contains__, cluster.problems()), *cluster.service_problems()]
    yield {
        "ready": is_ready,
        "waitingFor": cluster.waiting_for(),
        "lastWords": [] if is_ready else await cluster.last_words(),
        "warnings": warnings,
        "pid": os.getpid(),
    }


async def _becomes_ready(cluster: Appliable, timeout: float) -> bool:
    try:
        await cluster.wait_until_ready(timeout)
    except TimeoutError:
        return False
    return True

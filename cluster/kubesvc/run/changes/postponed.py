"""The documents of a start that wait for what may be pods of the cluster: webhooks, and extension API servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from kubeapi.webhooks.calls import Outcome
from kubemanifest.documents import Document
from kubemanifest.faults import Fault
from kubesvc.run.changes.edits import AGAIN_SECONDS, Editor, Refusal, all_faults, has_no_server

READY_SECONDS = 30.0
"""How long the other objects may take to get ready, among which the webhook may be; then its failure counts."""

_OF_WEBHOOK, _OF_SERVER = "a webhook reviews it", "its API server does not answer"


class Postponed:
    """Documents that wait for their cluster. ``apply`` is the owner's task."""

    def __init__(self, documents: Sequence[Document], editor: Editor) -> None:
        self._waiting = [*documents]
        self._editor = editor
        self._done = asyncio.Event()
        self._is_late = asyncio.Event()
        """Whether a webhook that is not there by now will not come."""
        self._is_last_call = False
        self._failure = ""
        self._denied_creations: list[Refusal] = []
        self._denied_changes: list[Refusal] = []
        if not documents:
            self._done.set()

    async def apply(self, others_are_ready: Callable[[], Awaitable[None]]) -> None:
        """Write the documents in order, each as far as webhooks allow it.

        A webhook that fails is called again until everything else is ready, as it may be one of the cluster's pods. An
        extension API server is waited for as long as it takes: its objects are not ready before.
        """
        if not self._waiting:
            return
        waiting = asyncio.create_task(self._wait_for(others_are_ready), name="readiness of a webhook")
        try:
            for document in [each for each in self._waiting if not each.is_remote]:
                await self._write(document)
            while self._waiting:
                for document in [*self._waiting]:
                    await self._write(document)
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self._done.set()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _write(self, document: Document) -> None:
        denied = self._denied_changes if self._editor.stored([document]) else self._denied_creations
        self._is_last_call, self._failure = self._is_late.is_set(), ""
        written = await self._editor.apply(document, self._is_called_again)
        if isinstance(written, Refusal):
            if has_no_server(written):
                self._failure = written.error.message
                return
            denied.append(written)
        self._waiting.remove(document)

    async def _wait_for(self, others_are_ready: Callable[[], Awaitable[None]]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await others_are_ready()
        self._is_late.set()

    async def _is_called_again(self, outcome: Outcome) -> bool:
        """Return after a pause whether a webhook that failed may be there now."""
        if self._is_last_call:
            return False
        self._failure = outcome.failure
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS):
                await self._is_late.wait()
        self._is_last_call = self._is_late.is_set()
        return True

    @property
    def refused(self) -> Sequence[Refusal]:
        """Which of them were refused, but for objects that have been created since."""
        missing = (each for each in self._denied_creations if not self._editor.stored([each.document]))
        return [*missing, *self._denied_changes]

    @property
    def faults(self) -> Sequence[Fault]:
        """Why these were refused, in the order of the input."""
        return all_faults(self.refused)

    def problems(self) -> list[str]:
        """Return why objects of the input are not there, one sentence each."""
        refused = ((each.document, fault) for each in self.refused for fault in each.faults())
        return [f"{_shown(document)} was refused: {fault._replace(hint='')}" for document, fault in refused]

    @property
    def warnings(self) -> Sequence[tuple[Document, str]]:
        """What policies and webhooks have warned of."""
        return self._editor.warnings

    async def wait_until_done(self) -> None:
        """Return once every document is written or refused."""
        await self._done.wait()

    def waiting_for(self) -> list[str]:
        """Return what is not written yet, one sentence each; of the first one why."""
        said = [f"{_shown(each)}: {_OF_SERVER if each.is_remote else _OF_WEBHOOK}" for each in self._waiting]
        return [f"{said[0]}: {self._failure}", *said[1:]] if said and self._failure else said


def _shown(document: Document) -> str:
    return f"{document.obj['kind']} {document.key}"

"""The documents of a start that a webhook has to be asked about: they are written once the cluster can call it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from kubemanifest.documents import Document
from kubemanifest.faults import Fault
from kubesvc.run.edits import Editor, Refusal, all_faults, identity

READY_SECONDS = 30.0
"""How long the other objects may take to get ready, among which the webhook may be; then it is asked all the same."""


class Postponed:
    """Documents that wait for their cluster. ``apply`` is the owner's task."""

    def __init__(self, documents: Sequence[Document], editor: Editor) -> None:
        self._waiting = [*documents]
        self._editor = editor
        self._done = asyncio.Event()
        self._denied_creations: list[Refusal] = []
        self._denied_changes: list[Refusal] = []
        if not documents:
            self._done.set()

    async def apply(self, others_are_ready: Callable[[], Awaitable[None]]) -> None:
        """Write the documents in order as soon as everything else is ready, each as far as webhooks allow it."""
        if not self._waiting:
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READY_SECONDS):
                    await others_are_ready()
            while self._waiting:
                document = self._waiting[0]
                denied = self._denied_changes if self._editor.stored([document]) else self._denied_creations
                written = await self._editor.apply(document)
                if isinstance(written, Refusal):
                    denied.append(written)
                self._waiting.pop(0)
        finally:
            self._done.set()

    @property
    def refused(self) -> Sequence[Refusal]:
        """Which of them were refused, but for objects that have been created since."""
        missing = (each for each in self._denied_creations if not self._editor.stored([each.document]))
        return [*missing, *self._denied_changes]

    @property
    def faults(self) -> Sequence[Fault]:
        """Why these were refused, in the order of the input."""
        return all_faults(self.refused)

    @property
    def warnings(self) -> Sequence[tuple[Document, str]]:
        """What policies and webhooks have warned of."""
        return self._editor.warnings

    async def wait_until_done(self) -> None:
        """Return once every document is written or refused."""
        await self._done.wait()

    def waiting_for(self) -> list[str]:
        """Return what is not written yet, one sentence each."""
        return [f"{' '.join(filter(None, identity(each)))}: a webhook reviews it" for each in self._waiting]

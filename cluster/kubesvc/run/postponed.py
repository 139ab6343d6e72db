"""The documents of a start that a webhook has to be asked about: they are written once the cluster can call it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from kubemanifest.documents import Document
from kubemanifest.faults import Fault
from kubesvc.run.edits import Editor, Refusal, identity

READY_SECONDS = 30.0
"""How long the other objects may take to get ready, among which the webhook may be; then it is asked all the same."""


class Postponed:
    """Documents that wait for their cluster. ``apply`` is the owner's task."""

    def __init__(self, documents: Sequence[Document], editor: Editor) -> None:
        self._waiting = [*documents]
        self._editor = editor
        self._done = asyncio.Event()
        self.faults: list[Fault] = []
        """Why some of them were refused."""
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
                written = await self._editor.apply(self._waiting[0])
                if isinstance(written, Refusal):
                    self.faults += written.faults()
                self._waiting.pop(0)
        finally:
            self._done.set()

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

"""Applies what is edited while `kubesvc up --watch` runs, and prints what has come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from kubeapi.kinds import kind_of
from kubeapi.status import StatusError
from kubemanifest.applying import Changes, changes_between, warning_of, without
from kubesvc.run.changes.edits import all_faults, apply_edits
from kubesvc.run.input.prepare import prepare
from kubesvc.terminal.up.watch import changes

if TYPE_CHECKING:
    from kubemanifest.documents import Document
    from kubesvc.run.changes.edits import Editor
    from kubesvc.run.cluster import Cluster
    from kubesvc.run.input.prepare import Prepared
    from kubesvc.terminal.up.start import UpStart


class Watching:
    """Follows the files of a start; ``warn`` prints warnings. ``run`` until it is cancelled."""

    def __init__(self, up: UpStart, cluster: Cluster, warn: Callable[..., None]) -> None:
        prepared = up.start.prepared
        self._options = up.options
        self._console = up.console
        self._seen = up.seen
        self._cluster = cluster
        self._warn = warn
        self._loaded = without(prepared.loaded, [each.document for each in cluster.postponed.refused])
        self._configuration = cluster.configuration
        self._said = frozenset(self._warnings(prepared))

    def _warnings(self, prepared: Prepared) -> list[str]:
        return [*map(str, prepared.warnings(has_sandboxes=self._cluster.sandbox.has_sandboxes))]

    async def run(self) -> None:
        """Apply every edit."""
        async for _ in changes(self._options.paths, self._seen):
            with self._cluster.store.failures.guard("kubesvc", "applying what was edited"):
                await self._apply_edits()

    async def _apply_edits(self) -> None:
        """Apply the edited files; if they have faults, print these and change nothing."""
        # In a thread, because thousands of documents take seconds to read.
        paths, plan = self._options.paths, self._configuration.plan
        prepared = await asyncio.to_thread(prepare, paths, StringIO(), is_running=True, plan=plan)
        warnings = self._warnings(prepared)
        # Only new warnings: those of unchanged lines have been printed before.
        self._warn(*(each for each in warnings if each not in self._said))
        self._said = frozenset(warnings)
        if prepared.faults:
            self._console.warn(*map(str, prepared.faults), "kubesvc: nothing was applied")
            return
        refused = await self._apply_changes(changes_between(self._loaded, prepared.loaded))
        if refused is not None:
            # What was refused is tried again at the next edit.
            self._loaded = without(prepared.loaded, refused)
            if prepared.configuration != self._configuration:
                self._configuration = prepared.configuration
                self._console.warn("kubesvc: the ClusterConfiguration changed; it takes effect at the next start")

    async def _apply_changes(self, edits: Changes) -> Sequence[Document] | None:
        """Apply and delete, and return what was refused; None if nothing was done because of that."""
        editor = self._cluster.editor()
        # Policies and webhooks that are gone review nothing any more.
        first = [each for each in edits.deleted if kind_of(each.resource).reviews_writes]
        deleted = [await self._delete(editor, each) for each in first]
        applied, refused, warnings, is_begun = await apply_edits(editor, edits.applied)
        self._warn(*(str(warning_of(*each)) for each in warnings))
        self._console.warn(*map(str, all_faults(refused)))
        if is_begun:
            deleted += [await self._delete(editor, each) for each in edits.deleted if each not in first]
        if refused and not applied and not any(deleted):
            self._console.warn("kubesvc: nothing was applied")
        self._console.say(*(str(each) for each in applied if each.outcome != "unchanged"))
        return [each.document for each in refused] if is_begun else None

    async def _delete(self, editor: Editor, document: Document) -> bool:
        try:
            await editor.delete(document)
        except StatusError:
            return False
        self._console.say(f"{document.resource.kind.lower()}/{document.name} deleted")
        return True

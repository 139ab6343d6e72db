"""One run of `kubesvc up`: prints what the user should know, applies edits, and ends the cluster.

Handles the signals: the first Ctrl-C (or SIGTERM) drains, a second one stops at once. Decides the exit status.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Any

from kubeapi.kinds import kind_of
from kubeapi.status import StatusError
from kubemanifest.applying import Changes, changes_between, warning_of, without
from kubesvc.escaping import escaped_values
from kubesvc.run.api.kubeconfig import export_line
from kubesvc.run.edits import all_faults, apply_edits
from kubesvc.run.eventwarnings import EventWarnings
from kubesvc.run.health import MAX_PROBLEMS
from kubesvc.run.prepare import prepare
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_BAD_INPUT, EXIT_FAILED, EXIT_NOT_READY, EXIT_WELL, missing_lines
from kubesvc.terminal.text import printers
from kubesvc.terminal.up.watch import changes
from kubesvc.wording import counted, shortened

if TYPE_CHECKING:
    from kubemanifest.documents import Document
    from kubemanifest.faults import Fault
    from kubesvc.run.cluster import Cluster
    from kubesvc.run.edits import Editor
    from kubesvc.run.prepare import Prepared
    from kubesvc.terminal.up.start import UpStart

_SOON_WANTED = ("kubelet.runtime.pods.workers", "kubesvc.why.diagnosis")
"""What no start waits for, and most clusters use."""
_HOLD_SECONDS = 2.0
"""How long warnings are held back so that they appear below the table; a slower start prints them earlier."""


class Session:
    """Runs ``cluster`` until the user ends it. ``serve`` starts it and returns after its event is set."""

    def __init__(
        self, up: UpStart, cluster: Cluster, serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]
    ) -> None:
        prepared = up.start.prepared
        self._options = up.options
        self._console = up.console
        self._up = up
        self._seen = up.seen
        self._cluster = cluster
        self._serve = serve
        self._loaded = prepared.loaded
        self._configuration = cluster.configuration
        self._stop = asyncio.Event()
        self._is_draining = False
        self._status = EXIT_FAILED
        warnings = [*up.news, *map(str, self._warnings(prepared)), *map(str, sorted(prepared.rehearsed.warnings))]
        self._held: list[str] | None = list(warnings)
        self._said = frozenset(warnings)
        self._problems = frozenset[str]()
        self._held_events: list[str] = []

    def _warnings(self, prepared: Prepared) -> list[Fault]:
        return prepared.warnings(has_sandboxes=self._cluster.sandbox.has_sandboxes)

    async def run(self) -> int:
        """Run the cluster until it is told to stop; returns the exit status. A cluster that never got ready has failed.

        StartError, in an ExceptionGroup.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup and a detached start ignore SIGHUP; otherwise it means that the terminal is gone.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal)
        holding = loop.call_later(_HOLD_SECONDS, self._tell_warnings)
        try:
            with EventWarnings(self._cluster.store, self._warn_of_event).following():
                async with asyncio.TaskGroup() as group:
                    cluster = group.create_task(self._serve(self._stop), name="cluster")
                    follower = group.create_task(self._follow(), name="follow")
                    await self._stop.wait()
                    follower.cancel()
                    if not self._cluster.started.is_set():
                        # A start may hang for ever, and there are no connections to drain yet.
                        cluster.cancel()
        finally:
            holding.cancel()
            self._tell_warnings()
        if self._is_draining:
            self._console.warn("kubesvc: stopped")
        return self._status

    def _warn(self, *lines: str) -> None:
        """Print warnings; before the table they are held back."""
        if self._held is not None:
            self._held += lines
        else:
            self._console.warn(*(f"Warning: {line}" for line in lines))

    def _warn_of_problems(self) -> None:
        """Warn of what is new: some is known only when everything serves, such as too few open files."""
        problems = self._cluster.problems()
        new = [each for each in problems if each not in self._problems]
        self._warn(*shortened(new, MAX_PROBLEMS, f"`kubesvc status{self._options.state.option}`"))
        self._problems = frozenset(problems)

    def _warn_of_event(self, line: str) -> None:
        if self._held is not None:
            self._held_events.append(line)
        else:
            self._warn(line)

    def _tell_warnings(self) -> None:
        held, self._held = self._held, None
        events, self._held_events = self._held_events, []
        where = f"`kubesvc status{self._options.state.option} -o wide`"
        self._warn(*held or (), *shortened(events, MAX_PROBLEMS, where))

    async def _follow(self) -> None:
        """Announce the cluster when it is ready, then apply edits until cancelled."""
        is_ready = await self._wait_until_ready()
        with self._cluster.store.failures.guard("kubesvc", "saying what runs"):
            self._announce()
        self._tell_warnings()
        with self._cluster.store.failures.guard("kubesvc", "looking for Services that cannot work"):
            self._warn_of_problems()
            self._warn(*self._cluster.service_problems())
        self._status = self._say_ready() if is_ready else await self._say_what_is_missing()
        self._up.tell_caller(self._status)
        # Imported in a thread, before the first question or pod, so that connections need not wait for the import then.
        for name in _SOON_WANTED:
            with self._cluster.store.failures.guard("kubesvc", f"importing {name}"):
                await asyncio.to_thread(import_module, name)
        if not is_ready and not self._options.is_detached:
            self._stop.set()
        elif self._options.is_watching:
            await self._watch()
        elif self._up.meanwhile is not None:
            await self._up.meanwhile(self._cluster, self._console)

    async def _wait_until_ready(self) -> bool:
        try:
            async with asyncio.timeout(self._options.timeout or None):
                await self._cluster.wait_until_started()
                self._warn_of_problems()
                await self._cluster.wait_until_ready()
        except TimeoutError:
            return False
        return True

    def _announce(self) -> None:
        document = escaped_values(self._cluster.status())
        if self._up.announce is not None:
            if self._cluster.started.is_set():
                self._up.announce(document, self._console)
            return
        lines = printers.try_lines(document)
        self._console.show(printers.service_table(document))
        self._console.say("", *lines, *([""] if lines else []))
        self._console.say(export_line(self._options.state.kubeconfig), "")
        if exact := printers.exact_lines(document):
            self._console.say(*exact, "")
        if moved := printers.moved_ports(document):
            self._console.say("Ports below 1024 need a privilege that this process does not have (`kubesvc doctor`):")
            self._console.say(*(f"  {line}" for line in moved), "")

    def _say_ready(self) -> int:
        """Say that the cluster is ready, and how many documents webhooks have refused: each is one of the problems."""
        (self._console.warn if self._up.is_for_tools else self._console.say)("kubesvc: ready")
        postponed = self._cluster.postponed
        self._warn(*(str(warning_of(*each)) for each in postponed.warnings))
        if not postponed.faults:
            return EXIT_WELL
        self._console.warn(f"kubesvc: {counted(len(postponed.faults), 'fault')} found, the rest is applied")
        return EXIT_BAD_INPUT

    async def _say_what_is_missing(self) -> int:
        reasons, words = self._cluster.waiting_for(), await self._cluster.last_words()
        self._console.warn(*missing_lines(reasons, self._options.timeout, words))
        if self._options.is_detached:
            option = self._options.state.option
            self._console.warn(
                f"kubesvc: the cluster keeps running; see `kubesvc status{option}`, end it: `kubesvc down{option}`"
            )
        return EXIT_NOT_READY

    def _on_signal(self) -> None:
        if self._stop.is_set():
            # The zygote notices the end of this process and kills every pod.
            os._exit(EXIT_AT_ONCE)
        self._console.warn("kubesvc: draining; a second Ctrl-C stops at once")
        self._is_draining = True
        self._stop.set()

    async def _watch(self) -> None:
        self._loaded = without(self._loaded, [each.document for each in self._cluster.postponed.refused])
        async for _ in changes(self._options.paths, self._seen):
            with self._cluster.store.failures.guard("kubesvc", "applying what was edited"):
                await self._apply_edits()

    async def _apply_edits(self) -> None:
        """Apply the edited files; if they have faults, print these and change nothing."""
        # In a thread, because thousands of documents take seconds to read.
        paths, plan = self._options.paths, self._configuration.plan
        prepared = await asyncio.to_thread(prepare, paths, StringIO(), is_running=True, plan=plan)
        warnings = [*map(str, self._warnings(prepared))]
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

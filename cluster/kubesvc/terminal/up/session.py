"""One run of `kubesvc up`: prints what the user should know, applies edits, and ends the cluster.

Handles the signals: the first Ctrl-C (or SIGTERM) drains, a second one stops at once. Decides the exit status.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kubemanifest.applying import warning_of
from kubesvc.escaping import escaped_values
from kubesvc.run.api.kubeconfig import export_line
from kubesvc.run.eventwarnings import EventWarnings
from kubesvc.run.health import MAX_PROBLEMS
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_BAD_INPUT, EXIT_FAILED, EXIT_NOT_READY, EXIT_WELL, missing_lines
from kubesvc.terminal.text import printers
from kubesvc.terminal.up.watching import Watching
from kubesvc.wording import counted, shortened

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster
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
        self._cluster = cluster
        self._serve = serve
        self._stop = asyncio.Event()
        self._is_draining = False
        self._status = EXIT_FAILED
        own = prepared.warnings(has_sandboxes=cluster.sandbox.has_sandboxes)
        self._held: list[str] | None = [*up.news, *map(str, own), *map(str, sorted(prepared.rehearsed.warnings))]
        self._problems = frozenset[str]()
        self._held_events: list[str] = []

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
        """Warn of what is new: some is known only when everything serves, such as too few open files.

        What was refused is no warning.
        """
        refused = self._cluster.postponed.problems()
        problems = [each for each in self._cluster.problems() if each not in refused]
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
            await Watching(self._up, self._cluster, self._warn).run()
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
        (self._console.warn if self._up.is_for_tools else self._console.say)("kubesvc: ready")
        if not (count := self._tell_refused()):
            return EXIT_WELL
        self._console.warn(f"kubesvc: {counted(count, 'fault')} found, the rest is applied")
        return EXIT_BAD_INPUT

    def _tell_refused(self) -> int:
        """Say what webhooks warn of, and why they refused documents; returns the number of these faults."""
        postponed = self._cluster.postponed
        self._warn(*(str(warning_of(*each)) for each in postponed.warnings))
        self._console.warn(*map(str, faults := postponed.faults))
        return len(faults)

    async def _say_what_is_missing(self) -> int:
        reasons, words = self._cluster.waiting_for(), await self._cluster.last_words()
        self._tell_refused()
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

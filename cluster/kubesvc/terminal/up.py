"""`kubesvc up`: reads the manifests, then starts the cluster, here or in the background.

Nothing is started before every document has been found good. Every failure is one line for the user; tracebacks and
what libraries complain of go to the log in the state directory. What is slow to import is imported when the input is
good, while the process from which pods are forked warms up.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from kubehost import openfiles
from kubemanifest import Loaded
from kubesvc.config import ClusterConfiguration
from kubesvc.run.oserrors import is_about_files, oserror_text
from kubesvc.run.prepare import Prepared, prepare
from kubesvc.state.directory import AlreadyRunningError
from kubesvc.terminal import clientfaults, logfile
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_BAD_INPUT, EXIT_FAILED, Console, counted, unsaved_text
from kubesvc.terminal.detach import Caller, detach
from kubesvc.terminal.options import Order
from kubesvc.terminal.watch import Seen, look

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster
    from kubesvc.state.persistence import Lost, Saved

_log = logging.getLogger(__name__)

_MOST_ORIGINS = 10
"""Files and folders that are remembered; of more, the oldest are of no interest."""


class _Start(NamedTuple):
    """A cluster that is about to start; ``caller`` is who waits for one in the background."""

    order: Order
    prepared: Prepared
    seen: Seen
    console: Console
    caller: Caller | None
    news: Sequence[str] = ()
    """What is to be said of this start besides the input's own warnings."""
    origins: Sequence[str] = ()
    """Where the objects come from, those of earlier runs included."""
    lost: Sequence[Lost] = ()
    """What cannot be read of what was saved."""

    def tell_caller(self, status: int) -> None:
        """Let the caller of a cluster in the background go; in the foreground there is none."""
        if self.caller is not None:
            self.caller.release(status)


def run_up(order: Order) -> int:
    """Do it, and return the exit status."""
    # What a start makes stays; looking for garbage in it is a tenth of the time until ready.
    gc.disable()
    _fill_standard_streams()
    console = Console(sys.stdout or _nowhere(), sys.stderr or _nowhere())
    seen = look(order.paths) if order.is_watching else {}
    try:
        os.getcwd()  # noqa: PTH109  pods without workingDir run there
    except OSError as error:
        console.warn(f"kubesvc: the working directory cannot be used ({error.strerror}); cd to one that exists")
        return EXIT_FAILED
    try:
        saved = _read_saved(order)
    except ValueError as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED
    is_running = order.state.owner() is not None
    prepared = prepare(order.paths, sys.stdin or StringIO(), saved, is_running=is_running)
    if prepared.faults or is_running:
        console.warn(*(f"Warning: {warning}" for warning in prepared.warnings))
    if prepared.faults:
        count = counted(len(prepared.faults), "fault", "faults")
        done = "applied" if is_running else "started"
        console.warn(*map(str, prepared.faults), f"kubesvc: {count} found, nothing was {done}")
        return EXIT_BAD_INPUT
    if is_running:
        from kubesvc.terminal.running import apply_to_running

        return apply_to_running(order, prepared, console)
    if order.proxy_workers is not None:
        prepared = replace(prepared, configuration=_with_workers(prepared.configuration, order.proxy_workers))
    start = _Start(order, prepared, seen, console, None, _news(order, saved, prepared), _origins(order, saved))
    if saved is not None:
        start = start._replace(lost=saved.lost)
    if not order.is_watching:
        # Only edits are compared with what the manifests said.
        prepared = replace(prepared, loaded=Loaded())
        start = start._replace(prepared=prepared)
    if order.is_detached:
        return detach(lambda caller: _serve(start._replace(console=caller.console, caller=caller)), console)
    return _serve(start)


def _news(order: Order, saved: Saved | None, prepared: Prepared) -> list[str]:
    """Return what is to be said of what starts again: what is not in the input, or does not fit the configuration."""
    if saved is None:
        return []
    from kubesvc.state.resume import goes_on, outside_subnets, without

    said = goes_on(order.state.name, saved, prepared.loaded.documents)
    subnets = outside_subnets(saved, prepared.configuration.networking.service_cidr)
    return [*without(saved.lost, order.state.lost), *filter(None, (said, subnets))]


def _origins(order: Order, saved: Saved | None) -> list[str]:
    """Return the files and folders that the objects come from, each once, the newest last."""
    here = [f"standard input in {Path.cwd()}" if each == "-" else str(Path(each).resolve()) for each in order.paths]
    before = [each for each in saved.origins if each not in here] if saved is not None else []
    return [*before, *here][-_MOST_ORIGINS:]


def _with_workers(configuration: ClusterConfiguration, workers: int) -> ClusterConfiguration:
    return replace(configuration, proxy=replace(configuration.proxy, workers=workers))


def _read_saved(order: Order) -> Saved | None:
    """Return what was kept of the last run; UnreadableStateError, a ValueError."""
    if not order.state.database.exists():
        return None
    from kubesvc.state.persistence import read_saved

    option = "" if order.state.name == "default" else f" --name {order.state.name}"
    return read_saved(order.state.database, f"`kubesvc down --purge{option}` forgets it")


def _fill_standard_streams() -> None:
    """Take the descriptors 0 to 2 if the caller has closed them, so that no lock or socket gets their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")


def _serve(start: _Start) -> int:
    """Take the lock, and run the cluster to its end."""
    state = start.order.state
    try:
        with state.locked():
            _redirect(state.open_log(), start.caller)
            return _run(start)
    except AlreadyRunningError as error:
        if state.owner() is not None and "-" not in start.order.paths:
            # Another `up` was quicker since this one looked: these manifests go to its cluster.
            return run_up(start.order)
        start.console.warn(f"kubesvc: {error}")
    except OSError as error:
        start.console.warn(_cannot_keep(start, error))
    return EXIT_FAILED


def _cannot_keep(start: _Start, error: OSError) -> str:
    return f"kubesvc: cannot keep the cluster's state in {oserror_text(error, str(start.order.state.path))}"


def _redirect(log: int, caller: Caller | None) -> None:
    """Read nothing from the caller from now on, and let ``log`` have what is not for him."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if caller is not None:
        caller.redirect(log)
    logfile.write_log(os.fdopen(log, "w"))
    clientfaults.install()


def _run(start: _Start) -> int:
    import uvloop

    from kubelet.process.orphans import kill_orphans, marker

    state = start.order.state
    openfiles.raise_limit()
    openfiles.grow_table()
    if left := kill_orphans(marker(state.name, state.path)):
        start.console.warn(f"kubesvc: ended {counted(len(left), 'process', 'processes')} that a crash had left")
    state.sweep()
    try:
        return uvloop.run(_session(start))
    except KeyboardInterrupt:
        return EXIT_AT_ONCE
    except Exception as error:
        _explain(error, start)
        return EXIT_FAILED


async def _session(start: _Start) -> int:
    from kubelet.process.orphans import marker
    from kubelet.process.runner import ProcessRunner

    state, prepared = start.order.state, start.prepared
    runner = ProcessRunner(marker(state.name, state.path))
    try:
        await runner.open()
        from kubesvc.run.cluster import Cluster
        from kubesvc.state.persistence import Journal, keep_lost
        from kubesvc.terminal.session import Session

        journal = Journal(state.database)

        def keep() -> None:
            if start.lost:
                keep_lost(start.lost, state.lost)
            journal.begin(prepared.registry.store, prepared.configuration_text, start.origins)

        merged = Path.home() / ".kube" / "config" if start.order.is_merging else None
        cluster = Cluster(
            prepared.configuration,
            state,
            prepared.registry,
            runner,
            keep=keep,
            journal=journal,
            user_kubeconfig=merged,
        )
        session = Session(
            start.order,
            start.console,
            cluster,
            loaded=prepared.loaded,
            warnings=[*start.news, *map(str, prepared.warnings)],
            seen=start.seen,
            tell_caller=start.tell_caller,
        )
        settling = asyncio.create_task(_settle(cluster), name="settle")
        try:
            status = await session.run()
        finally:
            settling.cancel()
            await journal.close()
            unsaved = journal.unsaved() if cluster.is_started else []
            if unsaved:
                start.console.warn(f"kubesvc: {unsaved_text(unsaved)}")
        return EXIT_FAILED if unsaved else status
    finally:
        await runner.close()


async def _settle(cluster: Cluster) -> None:
    """Look for garbage again once everything runs, but never in what is there then: that holds up connections."""
    await cluster.wait_until_started()
    gc.freeze()
    gc.enable()


def _explain(error: Exception, start: _Start) -> None:
    """Tell the user in a line each what is in the way; what nobody foresaw goes to the log in full."""
    from kubesvc.run.cluster import StartError

    for each in _leaves(error):
        if isinstance(each, StartError):
            start.console.warn(f"kubesvc: {each}")
        elif isinstance(each, OSError) and is_about_files(each, start.order.state.path):
            start.console.warn(_cannot_keep(start, each))
        elif isinstance(each, OSError) and each.errno == errno.EMFILE:
            start.console.warn(
                f"kubesvc: the cluster has stopped: {oserror_text(each)}; this process may have "
                f"{openfiles.limit():,}: allow more (`ulimit -n 1024`, or LimitNOFILE= of a systemd unit)"
            )
        else:
            _log.error("the cluster stops", exc_info=each)
            start.console.warn(
                f"kubesvc: internal error, the cluster has stopped: {type(each).__name__}: {each}; "
                f"the details are in {start.order.state.log}"
            )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error

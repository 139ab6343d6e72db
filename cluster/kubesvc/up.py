"""`kubesvc up`: reads the manifests, then starts the cluster, here or in the background.

Nothing is started before every document has been found good. Every failure is one line for the user; tracebacks and
what libraries complain of go to the log in the state directory. What is slow to import is imported when the input is
good, while the process from which pods are forked warms up.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TextIO

from kubesvc.console import EXIT_AT_ONCE, EXIT_BAD_INPUT, EXIT_FAILED, Console, counted
from kubesvc.detach import Caller, detach
from kubesvc.order import Order
from kubesvc.prepare import Prepared, prepare
from kubesvc.state import AlreadyRunningError

OPEN_FILES = 1_048_576
"""Open files that are enough for anybody (half a million connections); systemd's own default hard limit."""

_log = logging.getLogger(__name__)


def run_up(order: Order) -> int:
    """Do it, and return the exit status."""
    _fill_standard_streams()
    console = Console(sys.stdout or _nowhere(), sys.stderr or _nowhere())
    prepared = prepare(order.paths, sys.stdin or StringIO())
    console.warn(*(f"Warning: {warning}" for warning in prepared.warnings))
    if prepared.faults:
        count = counted(len(prepared.faults), "fault", "faults")
        console.warn(*map(str, prepared.faults), f"kubesvc: {count} found, nothing was started")
        return EXIT_BAD_INPUT
    if order.is_detached:
        return detach(lambda caller: _serve(order, prepared, caller.console, caller), console)
    return _serve(order, prepared, console, None)


def _fill_standard_streams() -> None:
    """Take the descriptors 0 to 2 if the caller has closed them, so that no lock or socket gets their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")


def _serve(order: Order, prepared: Prepared, console: Console, caller: Caller | None) -> int:
    """Take the lock, and run the cluster to its end."""
    try:
        with order.state.locked():
            _redirect(order.state.open_log(), caller)
            return _run(order, prepared, console, caller)
    except AlreadyRunningError as error:
        console.warn(f"kubesvc: {error}")
    except OSError as error:
        console.warn(f"kubesvc: cannot keep the state of the cluster in {order.state.path}: {error.strerror or error}")
    return EXIT_FAILED


def _redirect(log: int, caller: Caller | None) -> None:
    """Read nothing from the caller from now on, and let ``log`` have what is not for him."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if caller is not None:
        caller.redirect(log)
    logging.basicConfig(
        stream=os.fdopen(log, "w"),
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def _run(order: Order, prepared: Prepared, console: Console, caller: Caller | None) -> int:
    import uvloop

    from kubelet.orphans import kill_orphans, marker

    _raise_open_files()
    mark = marker(order.state.name, order.state.path)
    if left := kill_orphans(mark):
        console.warn(f"kubesvc: ended {counted(len(left), 'process', 'processes')} that a crash had left")
    order.state.sweep()
    try:
        return uvloop.run(_session(order, prepared, console, caller))
    except KeyboardInterrupt:
        return EXIT_AT_ONCE
    except Exception as error:
        _explain(error, order, console)
        return EXIT_FAILED


async def _session(order: Order, prepared: Prepared, console: Console, caller: Caller | None) -> int:
    from kubelet.orphans import marker
    from kubelet.processes import ProcessRunner

    runner = ProcessRunner(marker(order.state.name, order.state.path))
    try:
        await runner.open()
        from kubesvc.cluster import Cluster
        from kubesvc.session import Session

        cluster = Cluster(prepared.configuration, order.state, prepared.registry, runner)
        return await Session(order, console, cluster, prepared.loaded, caller.release if caller else _ignore).run()
    finally:
        await runner.close()


def _ignore(_status: int) -> None:
    """Tell nobody: who asked for a cluster in the foreground sees it."""


def _explain(error: Exception, order: Order, console: Console) -> None:
    """Tell the user in a line each what is in the way; what nobody foresaw goes to the log in full."""
    from kubesvc.cluster import StartError

    for each in _leaves(error):
        if isinstance(each, StartError):
            console.warn(f"kubesvc: {each}")
        else:
            _log.error("the cluster stops", exc_info=each)
            console.warn(
                f"kubesvc: internal error, the cluster has stopped: {type(each).__name__}: {each}; "
                f"the details are in {order.state.log}"
            )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _raise_open_files() -> None:
    """Take the open files that this user may have: a connection needs two, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

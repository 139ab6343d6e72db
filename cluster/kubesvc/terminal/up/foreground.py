"""Runs a cluster in the process of `kubesvc up`: takes the lock, prepares the process, and serves until the end.

Every failure is one line for the user; tracebacks and warnings of libraries go to the log in the state directory.
Settings of the whole process (signals, garbage collection, standard streams, limits) are made here and in ``session``
only; ``run_cluster`` makes none.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
from contextlib import suppress

from kubeapi.failures import leaves
from kubehost import openfiles
from kubesvc.remote.connect.hostsfile import HOSTS, HostsFile
from kubesvc.run.oserrors import is_about_files, oserror_text
from kubesvc.state.directory import AlreadyRunningError
from kubesvc.state.kept import keep_plan, keep_sandbox
from kubesvc.terminal import logfile
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_FAILED, unsaved_text
from kubesvc.terminal.up import clientfaults
from kubesvc.terminal.up.detach import Caller
from kubesvc.terminal.up.start import UpStart
from kubesvc.wording import counted

_log = logging.getLogger(__name__)


def serve(up: UpStart) -> int | None:
    """Take the lock and run the cluster; returns the exit status, None if the cluster has been started meanwhile."""
    state = up.options.state
    try:
        with state.locked():
            status = EXIT_AT_ONCE
            with suppress(KeyboardInterrupt):
                _prepare(up)
                status = _run(up)
            if up.start.upstream is not None and (status != EXIT_FAILED or not state.log.stat().st_size):
                # While the lock is held: nothing of another cluster stays but a log that tells of a fault, and no
                # other start sees half of it.
                state.purge()
            return status
    except AlreadyRunningError as error:
        if state.owner() is not None and "-" not in up.options.paths:
            return None
        up.console.warn(f"kubesvc: {error}")
    except OSError as error:
        up.console.warn(_cannot_keep(up, error))
    return EXIT_FAILED


def _cannot_keep(up: UpStart, error: OSError) -> str:
    return f"kubesvc: cannot keep the cluster's state in {oserror_text(error, str(up.options.state.path))}"


def _prepare(up: UpStart) -> None:
    state = up.options.state
    # First, as another `up` may read it from now on.
    keep_plan(state, up.start.prepared.configuration.plan)
    if up.options.sandbox:
        keep_sandbox(state, up.options.sandbox)
    _redirect(state.open_log(), up.caller)
    _clear_hosts(up)


def _redirect(log: int, caller: Caller | None) -> None:
    """Read stdin from /dev/null from now on, and write the log to ``log``."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if caller is not None:
        caller.redirect(log)
    logfile.write_log(os.fdopen(log, "w"))
    clientfaults.install()


def _clear_hosts(up: UpStart) -> None:
    """Remove the lines that a killed `connect --hosts` of this name has left: they lead nowhere, or to others."""
    try:
        HostsFile(up.options.state.name).write(())
    except OSError as error:
        up.console.warn(f"kubesvc: lines of an earlier run stay in {HOSTS}: {error.strerror or error}")


def _run(up: UpStart) -> int:
    up = _with_maker(up)
    import uvloop

    from kubesvc.run.opening import clear_leftovers

    openfiles.raise_limit()
    openfiles.grow_table()
    # aiohttp reads the machine's certificate authorities as it is imported, a tenth of the CPU of a start. They are for
    # clients that verify a server, and this process has none. Containers are started without this variable.
    os.environ["SSL_CERT_FILE"] = os.devnull
    if left := clear_leftovers(up.options.state):
        up.console.warn(f"kubesvc: ended {counted(left, 'process', 'processes')} that a crash had left")
    try:
        return uvloop.run(_session(up))
    except Exception as error:
        _explain(error, up)
        return EXIT_FAILED


def _with_maker(up: UpStart) -> UpStart:
    """Have the certificate made while this process imports; before there is any thread."""
    from kubesvc.run.api.ahead import certificate_maker
    from kubesvc.run.api.identity import ClusterIdentity

    start = up.start
    identity = ClusterIdentity(start.configuration, start.state, start.prepared.registry)
    return up._replace(start=start._replace(certificate_maker=certificate_maker(identity)))


async def _session(up: UpStart) -> int:
    from kubesvc.run.opening import open_run

    async with open_run(up.start) as run:
        from kubesvc.terminal.up.session import Session

        cluster = run.cluster
        asyncio.get_running_loop().set_exception_handler(run.note_stray)
        settling = asyncio.create_task(_settle(cluster.started), name="settle")
        try:
            status = await Session(up, cluster, run.serve).run()
        finally:
            settling.cancel()
            await cluster.journal.close()
            unsaved = cluster.journal.unsaved() if cluster.started.is_set() else []
            if unsaved:
                up.console.warn(f"kubesvc: {unsaved_text(unsaved)}")
        return EXIT_FAILED if unsaved else status


async def _settle(started: asyncio.Event) -> None:
    """Enable garbage collection once everything runs, without the objects that exist then: scanning them takes long."""
    await started.wait()
    gc.freeze()
    gc.enable()


def _explain(error: Exception, up: UpStart) -> None:
    """Print a line for each error; an unforeseen one goes to the log with its traceback."""
    from kubesvc.run.starterror import StartError

    for each in leaves(error):
        if isinstance(each, StartError):
            up.console.warn(f"kubesvc: {each}")
        elif isinstance(each, OSError) and is_about_files(each, up.options.state.path):
            up.console.warn(_cannot_keep(up, each))
        elif isinstance(each, OSError) and each.errno == errno.EMFILE:
            up.console.warn(
                f"kubesvc: the cluster has stopped: {oserror_text(each)}; this process may have "
                f"{openfiles.limit():,}: allow more (`ulimit -n 1024`, or LimitNOFILE= of a systemd unit)"
            )
        else:
            _log.error("the cluster stops", exc_info=each)
            up.console.warn(
                f"kubesvc: internal error, the cluster has stopped: {type(each).__name__}: {each}; "
                f"the details are in {up.options.state.log}"
            )

"""Running a cluster from Python: ``run_cluster``. The command line is built on the same parts.

Nothing here concerns the whole process: no signal handlers, no garbage collection, no standard streams, no exit codes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubesvc.run.input.documents import FaultsError, Input, load_documents
from kubesvc.run.input.prepare import prepare_loaded
from kubesvc.run.machine.sandboxmode import SandboxMode, Wish, find_mode
from kubesvc.run.machine.subnets import AUTO, Claim, check_kept, claim
from kubesvc.run.opening import clear_leftovers, open_run
from kubesvc.run.start import Start
from kubesvc.state.directory import StateDirectory, is_cluster_name
from kubesvc.state.kept import keep_plan
from kubesvc.state.saved import read_saved

if TYPE_CHECKING:
    from kubesvc.addresses.plan import AddressPlan
    from kubesvc.config import ClusterConfiguration
    from kubesvc.run.cluster import Cluster
    from kubesvc.run.lifecycle import Run

_NAME = "kubesvc"
"""The name of a cluster that has no directory of its own."""
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def run_cluster(
    *documents: Input,
    configuration: Mapping[str, Any] | None = None,
    state: str | os.PathLike[str] | None = None,
    subnets: str | None = None,
) -> AsyncIterator[Cluster]:
    """Run a cluster on the running event loop for the length of the block.

    ``documents`` are paths of manifests, paths of folders with manifests, and objects. ``configuration`` is a
    ClusterConfiguration; its apiVersion and kind may be left out. ``state`` is a directory that keeps the cluster
    from one run to the next; its last part is the cluster's name (the command line uses ``~/.local/state/kubesvc``).
    Without it everything is deleted at the end. ``subnets`` is "auto" for free address ranges of the cluster's own,
    "default" for those of the configuration; without it a new cluster gets its own, and a kept one what it had before.

    The block begins when every component runs; ``await cluster.wait_until_ready()`` waits for the pods. At its end
    connections drain and the pods are stopped. FaultsError, AlreadyRunningError, StartError, SubnetsError,
    SandboxError, OSError; if a component fails later, the block is cancelled and the error raised in an ExceptionGroup.
    """
    loaded = load_documents(documents, configuration)
    if loaded.faults:
        raise FaultsError(loaded.faults)
    with _directory(state) as directory, directory.locked(), _claim(directory, subnets) as claimed:
        keep_plan(directory, claimed.plan)
        clear_leftovers(directory)
        saved = read_saved(directory.database, f"remove {directory.path} to forget it")
        prepared = prepare_loaded(loaded, saved, plan=claimed.plan)
        if prepared.faults:
            raise FaultsError(prepared.faults)
        mode = _sandbox_mode(directory, claimed.plan, prepared.configuration)
        start = Start(prepared, directory, lost=saved.lost if saved is not None else (), sandbox=mode)
        async with open_run(start) as run, _serving(run) as cluster:
            yield cluster


def _sandbox_mode(directory: StateDirectory, claimed: AddressPlan, configuration: ClusterConfiguration) -> SandboxMode:
    if configuration.plan != claimed:
        check_kept(directory, configuration.plan)
        keep_plan(directory, configuration.plan)
    return find_mode(Wish.of(None, configuration.sandbox, ""), is_exact=configuration.plan.is_exact)


def _claim(directory: StateDirectory, subnets: str | None) -> Claim:
    is_new = not directory.database.exists()
    return claim(directory, AUTO if subnets is None and is_new else subnets)


@contextlib.contextmanager
def _directory(state: str | os.PathLike[str] | None) -> Iterator[StateDirectory]:
    """Yield the directory of a cluster; without a path it is a temporary one."""
    if state is None:
        with tempfile.TemporaryDirectory(prefix="kubesvc-") as root:
            yield StateDirectory(_NAME, Path(root))
        return
    path = Path(state).absolute()
    if not is_cluster_name(path.name):
        message = f"{path}: its last part names the cluster, so it must be a DNS-1123 label"
        raise ValueError(message)
    yield StateDirectory(path.name, path.parent)


@contextlib.asynccontextmanager
async def _serving(run: Run) -> AsyncIterator[Cluster]:
    """Start the cluster, yield it, and stop it.

    The cluster runs in a task of its own, without a TaskGroup around the block: so a fixture may enter the block in
    one task and leave it in another, and the block's own exceptions are not wrapped in a group.
    """
    stop = asyncio.Event()
    serving = asyncio.create_task(run.serve(stop), name="cluster")
    try:
        await _wait_until_started(serving, run.cluster.started)
        with _cancelled_by(serving):
            yield run.cluster
    finally:
        if not run.cluster.started.is_set():
            serving.cancel()
        stop.set()
        await asyncio.wait({serving})
        await run.cluster.journal.close()
        if run.cluster.started.is_set() and (unsaved := run.cluster.journal.unsaved()):
            _log.warning("not saved, as the disk could not be written to: %s", ", ".join(unsaved))
    serving.result()


async def _wait_until_started(serving: asyncio.Task[None], started: asyncio.Event) -> None:
    """Return once every component runs; raises the error of a start that fails."""
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if serving.done():
        error = serving.exception()
        # A start fails for one reason, the innermost; the groups around it are only the tasks that ran.
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error or RuntimeError("the cluster was stopped while it started")


@contextlib.contextmanager
def _cancelled_by(serving: asyncio.Task[None]) -> Iterator[None]:
    """Cancel the block when the cluster fails, and raise the cluster's error in its place."""
    block = asyncio.current_task()
    assert block is not None

    def cancel(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and done.exception() is not None:
            block.cancel()

    serving.add_done_callback(cancel)
    try:
        yield
    except asyncio.CancelledError:
        if serving.done() and not serving.cancelled() and (error := serving.exception()) is not None:
            block.uncancel()
            raise error from None
        raise
    finally:
        serving.remove_done_callback(cancel)

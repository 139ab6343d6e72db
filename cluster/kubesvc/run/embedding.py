"""Running a cluster from Python: ``run_cluster``, on which the command line is built too.

Nothing here concerns the whole process: no signal handlers, no garbage collection, no standard streams, no exit codes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kubelet.process.orphans import kill_orphans, marker
from kubelet.process.runner import ProcessRunner
from kubesvc.state.directory import StateDirectory

if TYPE_CHECKING:
    from kubesvc.run.lifecycle import Run
    from kubesvc.run.start import Start


def clear_leftovers(state: StateDirectory) -> int:
    """Kill and remove what a crashed run has left; returns the number of its processes. Call it with the lock held."""
    left = kill_orphans(marker(state.name, state.path))
    state.sweep()
    return len(left)


@asynccontextmanager
async def open_run(start: Start) -> AsyncIterator[Run]:
    """Have the process from which pods are forked, and a cluster that is made but not started, for a block.

    The block ends the journal.
    """
    runner = ProcessRunner(marker(start.state.name, start.state.path))
    try:
        await runner.open()
        # Slow to import; meanwhile the runner's process warms up.
        from kubesvc.run.lifecycle import Run

        yield Run(start, runner)
    finally:
        await runner.close()

"""The first steps of a start: removes what a crash has left, and starts the process from which pods are forked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kubelet.process.orphans import kill_orphans, marker
from kubelet.process.runner import ProcessRunner
from kubelet.process.spec import SandboxError
from kubesvc.network.cluster import cluster_network
from kubesvc.run.start import Start
from kubesvc.state.directory import StateDirectory

if TYPE_CHECKING:
    from kubesvc.run.lifecycle import Run


def clear_leftovers(state: StateDirectory) -> int:
    """Kill what a crashed run has left and remove its files; returns the number of processes. Needs the lock."""
    left = kill_orphans(marker(state.name, state.path))
    state.sweep()
    return len(left)


@asynccontextmanager
async def open_run(start: Start) -> AsyncIterator[Run]:
    """Start the process from which pods are forked; yields a cluster that is not started yet. StartError.

    It may be the agent, which makes the cluster's network and the pods' sandboxes.
    """
    network = cluster_network(start.prepared.configuration) if start.sandbox.has_sandboxes else None
    runner = ProcessRunner(marker(start.state.name, start.state.path), network)
    try:
        await runner.open()
        # Slow to import; meanwhile the runner's process warms up.
        from kubesvc.run.components import StartError
        from kubesvc.run.lifecycle import Run

        try:
            await runner.open_network()
        except SandboxError as error:
            raise StartError(f"the network of the pods' sandboxes cannot be made: {error}") from error
        yield Run(start, runner)
    finally:
        await runner.close()

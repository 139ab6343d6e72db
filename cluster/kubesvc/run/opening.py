"""The first steps of a start: removes what a crash has left, and starts the process from which pods are forked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from kubehost.io.cgroups import Cgroups, find_delegation
from kubelet.process.orphans import kill_orphans, marker
from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import SandboxError
from kubesvc.network.cluster import cluster_network
from kubesvc.run.machine.sandboxmode import SandboxMode
from kubesvc.run.start import Start
from kubesvc.run.starterror import StartError
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
    """Start the process from which pods are forked; yields a cluster that is not started yet.

    StartError if the cluster needs sandboxes and the machine refuses them after all.
    """
    runner = _new_runner(start)
    try:
        await runner.open()
        network = asyncio.create_task(runner.open_network(), name="network")
        # Slow to import; in a thread, so that the network is made meanwhile.
        await asyncio.to_thread(import_module, "kubesvc.run.lifecycle")
        from kubesvc.run.lifecycle import Run

        try:
            await network
        except SandboxError as error:
            await runner.close()
            if start.sandbox.is_required:
                message = f"pods cannot have sandboxes: {error}; `kubesvc doctor` says what this machine allows"
                raise StartError(message) from error
            start = start._replace(sandbox=SandboxMode(why=f"this machine refuses them: {error}"))
            runner = _new_runner(start)
        yield Run(start, runner)
    finally:
        await runner.close()


def _new_runner(start: Start) -> ProcessRunner:
    network = cluster_network(start.configuration) if start.sandbox.has_sandboxes else None
    if network is not None and start.upstream is not None:
        network = network._replace(pod_cidrs=())  # there are no pods behind these addresses: gateways have them
    cgroups = Cgroups.make(find_delegation(), start.state.name)
    return ProcessRunner(marker(start.state.name, start.state.path), network, cgroups)

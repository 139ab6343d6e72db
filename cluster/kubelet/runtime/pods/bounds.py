"""Ends a pod that has passed one of its bounds: its time, or what it may write to the disk.

What it writes is measured, every ten seconds and in a thread, only of a pod with a limit for that. Follows
k8s.io/kubernetes ``pkg/kubelet/eviction`` (monitoringInterval, immediateEvictionGracePeriodSeconds).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from kubelet.pod.files.localstorage import REASON, LocalUsage, eviction_message, is_limited
from kubelet.pod.files.roots import SHARED_MEMORY_PATH
from kubelet.pod.machine.events import Deleted
from kubelet.pod.machine.state import Stage
from kubelet.process.diskusage import folder_usage, memory_usage
from kubelet.process.logs.writer import pod_log_dir
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.pods.deadline import PodDeadline
from kubelet.runtime.pods.machine import PodMachine
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.roots import LAYER
from kubelet.runtime.pods.volumes import PodVolumes

INTERVAL_SECONDS = 10.0
GRACE_SECONDS = 1.0
_WHAT = "ephemeral storage"


class PodBounds:
    """The bounds of one pod, which is watched from ``watch`` to ``close``."""

    def __init__(
        self, dependencies: Dependencies, pod: PodObject, started: float, machine: PodMachine, volumes: PodVolumes
    ) -> None:
        self._config = dependencies.config
        self._pod = pod
        self._machine = machine
        self._volumes = volumes
        self._deadline = PodDeadline(pod, started, dependencies.clock)
        self._measuring: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Fail the pod when it passes a bound that its object has now; called again, it may have others."""
        self._deadline.watch()
        if self._measuring is None and is_limited(self._pod.obj):
            name = f"{self._pod.spec.key}: {_WHAT}"
            self._measuring = asyncio.get_running_loop().create_task(self._measure(), name=name)

    def close(self) -> None:
        """Watch no more."""
        self._deadline.close()
        if self._measuring is not None:
            self._measuring.cancel()
            self._measuring = None

    async def _measure(self) -> None:
        while not self._machine.state.is_terminating:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                usage = await asyncio.to_thread(self._usage, self._pids())
            except OSError as error:
                self._pod.failed(_WHAT, error)
                continue
            self._pod.recovered(_WHAT)
            if said := eviction_message(self._pod.obj, usage):
                self._evict(said)
                return

    def _evict(self, message: str) -> None:
        self._machine.post(Deleted(GRACE_SECONDS))
        self._pod.fail(REASON, message, "Warning")

    def _pids(self) -> dict[str, int]:
        return {each.name: each.pid for each in self._machine.state.containers if each.stage is Stage.RUNNING}

    def _usage(self, pids: dict[str, int]) -> LocalUsage:
        """Return what the pod has written so far."""
        spec = self._pod.spec
        own, logs = self._config.pod_dir(spec.uid), pod_log_dir(self._config.log_dir, *spec.key, spec.uid)
        on_disk = [each.name for each in self._volumes.volumes if each.kind == "emptyDir" and not each.is_in_memory]
        containers = {each.name: _written(own / each.name) + folder_usage(logs / each.name) for each in spec.containers}
        for name, pid in pids.items():
            containers[name] = containers.get(name, 0) + memory_usage(pid, self._in_memory(name))
        return LocalUsage(containers, {each: folder_usage(self._volumes.folder / each) for each in on_disk})

    def _in_memory(self, container: str) -> list[str]:
        """Return where a container has volumes that are memory, which do not count."""
        volumes = {each.name for each in self._volumes.volumes if each.is_in_memory}
        mounts = self._pod.spec.container(container).mounts
        return [SHARED_MEMORY_PATH, *(each["mountPath"] for each in mounts if each["name"] in volumes)]


def _written(folder: Path) -> int:
    """Return what a container has in its own folder, but for the files of its image."""
    return folder_usage(folder) - folder_usage(folder / LAYER)

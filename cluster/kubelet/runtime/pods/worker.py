"""One pod at work: what its state machine decides is done here, and every change is written to the Pod object.

A worker belongs to the kubelet, which passes the Pod object's changes on to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.podspec.warnings.combined import REASON, event_text, not_emulated
from kubelet.pod.machine import events
from kubelet.pod.machine.reboot import earlier_runs
from kubelet.pod.machine.state import PodState, Stage, new_pod_state, with_added_containers
from kubelet.pod.programs import RunningProgram
from kubelet.pod.status import phase_of
from kubelet.process.logs.writer import LogWriter
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.instance import Instance
from kubelet.runtime.pods.bounds import PodBounds
from kubelet.runtime.pods.containers import PodContainers
from kubelet.runtime.pods.machine import PodMachine
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.prober import PodProber
from kubelet.runtime.pods.resize import PodResize
from kubelet.runtime.pods.roots import PodRoots
from kubelet.runtime.pods.sandbox import PodSandbox
from kubelet.runtime.pods.volumes import PodVolumes
from kubelet.runtime.references import ReferencedObjects

STATUS = "status"


class PodWorker:
    """Runs one pod until nothing of it is left; then ``ended`` is set."""

    def __init__(
        self,
        dependencies: Dependencies,
        references: ReferencedObjects,
        pod: PodObject,
        sandbox: PodSandbox,
        volumes: PodVolumes,
    ) -> None:
        self.pod = pod
        self.place = place = sandbox.place
        self.ended = asyncio.Event()
        self._clock = dependencies.clock
        self._config = dependencies.registry.config
        state = new_pod_state(pod.spec, earlier_runs(status_of(pod.obj)))
        self._machine = PodMachine(state, self._clock, self._perform, self._owe_status, pod.failed)
        self._sandbox = sandbox
        self._volumes = volumes
        self._roots = roots = PodRoots(dependencies.config, pod, volumes, sandbox)
        self._containers = PodContainers(dependencies, references, pod, roots, self._machine)
        self._prober = PodProber(dependencies, pod, place, self._machine)
        self.resize = PodResize(pod, self._containers.limits, self._machine, self._containers.instances)
        self._bounds = PodBounds(dependencies, pod, place.start_time, self._machine, volumes)
        self._tasks: set[asyncio.Task[None]] = set()
        self._status_due: asyncio.Handle | None = None

    @property
    def state(self) -> PodState:
        """What the pod's containers are doing."""
        return self._machine.state

    @property
    def is_terminal(self) -> bool:
        """Whether all containers have ended and none will start again."""
        return phase_of(self.state) in ("Succeeded", "Failed")

    def pids(self) -> dict[str, int]:
        """Return the pid of every running container."""
        return {each.name: each.pid for each in self.state.containers if each.stage is Stage.RUNNING}

    def programs(self) -> Iterator[RunningProgram]:
        """Yield the running containers that are programs of this machine, init containers left out."""
        return self._containers.programs()

    def instance(self, name: str) -> Instance | None:
        """Return a container's instance, None while it does not run."""
        return self._containers.running(name)

    def log(self, name: str, restart: int) -> LogWriter | None:
        """Return the log of a container's instance, None if there is none (any more)."""
        return self._containers.logs.get((name, restart))

    def begin(self) -> None:
        """Start the pod, which has its address now."""
        self._bounds.watch()
        if missing := not_emulated(self.pod.obj, self._config):
            self.pod.report("Warning", REASON, event_text(missing))
        if not self._sandbox.is_used:
            with contextlib.suppress(OSError):  # the scripts of a bare pod take the cluster's defaults then
                self._roots.write_etc()
        if self._sandbox.is_used or self._volumes.volumes:
            self._spawn(self._prepare(), "volumes and sandbox")
        else:
            self._machine.post(events.Began())

    async def _prepare(self) -> None:
        self._owe_status()
        await self._volumes.wait_until_mounted()
        await self._sandbox.wait_until_made()
        self._machine.post(events.Began())

    def update(self, obj: JSON) -> None:
        """Take the Pod object's new version; its deletion begins here, and so does its end if its phase is over.

        Somebody else may write that phase (an eviction does): the pod ends then, but its object stays.
        """
        before = self.pod.spec
        self.pod.update(obj)
        self._bounds.watch()
        if (before.labels, before.annotations) != (self.pod.spec.labels, self.pod.spec.annotations):
            self._volumes.update()  # files of the downward API
        if (state := with_added_containers(self.state, self.pod.spec)) is not self.state:
            self._machine.state = state
            self._machine.post(events.Ticked())
        if self.pod.has_failed(STATUS) or self.pod.is_unheard:
            self.pod.is_unheard = False
            self._owe_status()
        if self.pod.is_deleted and self.state.is_finished:
            self.pod.delete()
        elif self.pod.is_deleted:
            grace = obj["metadata"].get("deletionGracePeriodSeconds")
            self.stop(self.pod.spec.grace_seconds if grace is None else grace)
        elif read_pod(obj).is_finished and not self.is_terminal and not self.state.is_terminating:
            self.stop(self.pod.spec.grace_seconds)
        elif not self.state.is_finished and (self.pod.is_changed or list_at(obj, "spec", "readinessGates")):
            self._owe_status()  # it names the generation, and the condition of a gate may have changed

    def vanish(self) -> None:
        """Kill the pod, as its object is gone: a grace period has no meaning any more."""
        self.pod.is_gone = True
        self.stop(0)

    def stop(self, grace_seconds: float, *, silently: bool = False) -> None:
        """Stop all containers; ``silently``, neither status nor events are written (the cluster is going down)."""
        self.pod.is_silent = self.pod.is_silent or silently
        self._machine.post(events.Deleted(grace_seconds))

    def config_changed(self) -> None:
        """Bring volumes up to date, and try again the containers that wait for a ConfigMap or Secret."""
        self._volumes.update()
        if any(each.reason == "CreateContainerConfigError" for each in self.state.containers):
            self._machine.post(events.ConfigChanged())

    async def close(self) -> None:
        """Kill what still runs and end all tasks."""
        self.pod.is_silent = True
        self._bounds.close()
        self._machine.close()
        self.resize.close()
        self._volumes.close()
        if self._status_due is not None:
            self._status_due.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._containers.close()
        self.ended.set()

    def remove_sandbox(self) -> None:
        """Give the pod's sandbox up, as all its containers have ended."""
        self._sandbox.remove()

    def remove_files(self) -> None:
        """Delete the pod's logs and folders."""
        self._containers.remove_files()

    def _perform(self, action: events.Action) -> None:
        instances = self._containers.instances
        match action:
            case events.Start(name):
                self._spawn(self._containers.run(name), f"container {name}")
            case events.BeginProbes(name):
                instance = instances[name]
                instance.probing = self._spawn(self._prober.run(name, instance), f"probes of {name}")
                if self.state.resizing is not None:
                    self._call_soon(self.resize.go_on, "resize")
            case events.EndProbes(name):
                if (probing := instances[name].probing) is not None:
                    probing.cancel()
            case events.RunPreStop(name, timeout):
                self._spawn(self._prober.run_pre_stop(name, instances[name], timeout), f"preStop of {name}")
            case events.Signal(name):
                instances[name].signal_stop(is_cluster_stopping=self.pod.is_silent)
            case events.Kill(name):
                instances[name].kill()
            case events.Report(kind, reason, message):
                self.pod.report(kind, reason, message)
            case events.Finish():
                self._call_soon(self._finish, "end")

    def _spawn(self, work: Coroutine[None, None, None], what: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self.pod.spec.key}: {what}")
        self._tasks.add(task)
        task.add_done_callback(self._settle)
        return task

    def _settle(self, task: asyncio.Task[None]) -> None:
        """Report the error of a failed task: it concerns this pod alone."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.pod.failed(task.get_name().partition(": ")[2], error)

    def _call_soon(self, act: Callable[[], None], what: str) -> asyncio.Handle:
        # The event loop would only log an error of a callback; here it becomes the pod's.
        def guarded() -> None:
            try:
                act()
            except Exception as error:
                self.pod.failed(what, error)
            else:
                self.pod.recovered(what)

        return asyncio.get_running_loop().call_soon(guarded)

    def _owe_status(self) -> None:
        """Write the status soon: once for all events that come together."""
        if self._status_due is None:
            self._status_due = self._call_soon(self._write_due_status, STATUS)

    def _write_due_status(self) -> None:
        self._status_due = None
        self._write_status()

    def _write_status(self) -> None:
        self.pod.write_status(self.state, self.place, self._clock())

    def _finish(self) -> None:
        """Write the pod's last status, then delete its object if its deletion has begun."""
        self._bounds.close()
        if self._status_due is not None:
            self._status_due.cancel()
        try:
            self._write_status()
            if self.pod.is_deleted:
                self.pod.delete()
        finally:
            self.ended.set()

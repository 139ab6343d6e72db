"""One pod at work: what its state machine decides, done.

It starts processes, runs probes and hooks, keeps the timer, and writes status and events. Every decision is
``podlifecycle``'s. A worker belongs to the kubelet, which tells it of the Pod object's changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubeapi.events import EventRecorder
from kubeapi.faults import Subject, describe
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import Service
from kubeapi.podwarnings import REASON, not_emulated
from kubeapi.registry import Registry
from kubeapi.scheme import PODS
from kubeapi.status import StatusError
from kubehost.network import Network
from kubelet.config import KubeletConfig
from kubelet.images.catalog import unknown_image_text
from kubelet.images.containers import ContainerPlan, HostFacts, plan_container
from kubelet.pod import events as happens
from kubelet.pod import lifecycle as life
from kubelet.pod.environment import ConfigError, PodContext
from kubelet.pod.probes import Kind, Verdict, begin_probe, observe, probes_of
from kubelet.pod.programs import Program, taken_address
from kubelet.pod.reboot import earlier_runs
from kubelet.pod.spec import (
    ContainerSpec,
    Exec,
    HookHandler,
    HTTPGet,
    Probe,
    Role,
    TCPSocket,
    port_number,
    read_pod,
)
from kubelet.pod.state import PodState, Stage, new_pod_state, with_added_containers
from kubelet.pod.status import PodPlace, is_over, phase_of, pod_status
from kubelet.process.logs.reader import read_end
from kubelet.process.logs.writer import LogWriter, pod_log_dir
from kubelet.process.runner import ProcessRunner
from kubelet.process.spec import ProcessSpec, StartError
from kubelet.runtime import prober
from kubelet.runtime.instance import Instance
from kubelet.tools.scripts import with_agnhost_on_path

NAME = "kubelet"
STATUS = "status"
KILLED = (137, 9)
"""Exit code and signal of a process that was killed."""
HOOK_SECONDS = 30.0
"""Limit of a postStart hook; Kubernetes has none, but a hook that hangs would hide its container for ever."""


@dataclass(frozen=True)
class Surroundings:
    """What all workers share."""

    config: KubeletConfig
    registry: Registry
    network: Network
    runner: ProcessRunner
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    rng: random.Random
    config_maps: Callable[[], Mapping[ObjectKey, JSON]]
    services: Callable[[], list[Service]]


class PodWorker:
    """Runs one pod until nothing of it is left. ``ended`` is set then."""

    def __init__(self, around: Surroundings, recorder: EventRecorder, pod: JSON, place: PodPlace) -> None:
        self.spec = read_pod(pod)
        self.place = place
        self.ended = asyncio.Event()
        self.logs: dict[tuple[str, int], LogWriter] = {}
        self._pod = pod
        self._around = around
        self._recorder = recorder
        self._state = new_pod_state(self.spec, earlier_runs(pod.get("status") or {}))
        self._instances: dict[str, Instance] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._status_due: asyncio.Handle | None = None
        self._has_object = True
        self._is_silent = False
        self.has_programs = False
        self._lost_at: set[str] = set()
        self.subject = Subject(PODS, self.spec.key)
        self._faults = around.registry.store.faults

    @property
    def state(self) -> PodState:
        """What the pod's containers are doing."""
        return self._state

    @property
    def is_terminal(self) -> bool:
        """Whether all containers are over and none will start again."""
        return phase_of(self._state, self.spec.restart_policy) in ("Succeeded", "Failed")

    def pids(self) -> dict[str, int]:
        """Return the pid of every running container."""
        return {each.name: each.pid for each in self._state.containers if each.stage is Stage.RUNNING}

    def programs(self) -> Iterator[Program]:
        """Yield the running containers that are programs of this machine, init containers left out."""
        for state in self._state.containers:
            container, instance = self.spec.container(state.name), self.instance(state.name)
            if instance is None or container is None or state.role is Role.INIT:
                continue
            if instance.plan.process.builtin is None:
                ports = tuple((each.protocol, self._bind_port(each.container_port)) for each in container.ports)
                is_probed = container.readiness is not None or container.startup is not None
                yield Program(
                    self.spec.key, state.name, state.pid, self.place.pod_ip, state.started_at, ports, is_probed
                )

    def instance(self, name: str) -> Instance | None:
        """Return a container's running instance, None when it is not running."""
        return self._instances.get(name) if self._state.container(name).stage is Stage.RUNNING else None

    def begin(self) -> None:
        """Start the pod, which has its address now."""
        if missing := [each.path for each in not_emulated(PODS, self._pod) if each.is_felt]:
            self._report("Warning", REASON, f"kubesvc does not emulate {', '.join(missing)}; the pod runs without")
        self.post(happens.Began())

    def update(self, pod: JSON) -> None:
        """Record the Pod object's new state; its deletion begins here, and its end if somebody declares it over.

        Who writes a phase that is over (an eviction does) ends the pod, but leaves its object.
        """
        self._pod, self.spec = pod, read_pod(pod)
        if (state := with_added_containers(self._state, self.spec)) is not self._state:
            self._state = state
            self.post(happens.Ticked())
        if STATUS in self._lost_at:
            self._owe_status()
        if pod["metadata"].get("deletionTimestamp"):
            if self._state.is_finished:
                self._delete_object()
                return
            grace = pod["metadata"].get("deletionGracePeriodSeconds")
            self.stop(self.spec.grace_seconds if grace is None else grace)
        elif is_over(pod.get("status") or {}) and not self.is_terminal and not self._state.is_terminating:
            self.stop(self.spec.grace_seconds)
        elif pod["spec"].get("readinessGates") and not self._state.is_finished:
            self._owe_status()  # somebody may have opened a gate

    def vanish(self) -> None:
        """Record that the Pod object is gone: nobody waits for a grace period any more."""
        self._has_object = False
        self.stop(0)

    def stop(self, grace_seconds: float, *, silently: bool = False) -> None:
        """Stop all containers; ``silently`` writes neither status nor events (the cluster is going down)."""
        self._is_silent = self._is_silent or silently
        self.post(happens.Deleted(grace_seconds))

    def config_changed(self) -> None:
        """Try containers again that waited for a ConfigMap."""
        if any(each.reason == "CreateContainerConfigError" for each in self._state.containers):
            self.post(happens.ConfigChanged())

    async def close(self) -> None:
        """Kill what is left and end all tasks."""
        self._is_silent = True
        for handle in (self._timer, self._status_due):
            if handle is not None:
                handle.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for log in self.logs.values():
            log.close()
        self.ended.set()

    def remove_files(self) -> None:
        """Delete the logs and the folders of a pod that is gone."""
        for folder in (pod_log_dir(self._around.config.log_dir, *self.spec.key, self.spec.uid), self._scratch()):
            shutil.rmtree(folder, ignore_errors=True)

    def post(self, event: happens.Event) -> None:
        """Let the state machine answer an event, and do what it says."""
        if self._state.is_finished:
            return
        self._state, actions = life.step(self._state, event, self._around.clock())
        for action in actions:
            self._perform(action)
        self._arm_timer()
        self._owe_status()

    def _owe_status(self) -> None:
        if self._status_due is None:
            self._status_due = self._call_soon(self._write_due_status, STATUS)

    def _perform(self, action: happens.Action) -> None:
        match action:
            case happens.Start(name):
                self._spawn(self._run_container(name), f"container {name}")
            case happens.BeginProbes(name):
                instance = self._instances[name]
                instance.probing = self._spawn(self._probe_container(name, instance), f"probes of {name}")
            case happens.EndProbes(name):
                if (instance := self._instances[name]).probing is not None:
                    instance.probing.cancel()
            case happens.RunPreStop(name, timeout):
                self._spawn(self._pre_stop(name, timeout), f"preStop of {name}")
            case happens.Signal(name):
                self._instances[name].signal_stop()
            case happens.Kill(name):
                self._instances[name].kill()
            case happens.Report(kind, reason, message):
                self._report(kind, reason, message)
            case happens.Finish():
                self._call_soon(self._finish, "end")

    def _spawn(self, work: Coroutine[None, None, None], what: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self.spec.key}: {what}")
        self._tasks.add(task)
        task.add_done_callback(self._settle)
        return task

    def _settle(self, task: asyncio.Task[None]) -> None:
        """Let no failure pass in silence, and none be more than its pod's."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._lost(task.get_name().partition(": ")[2], error)

    def _lost(self, what: str, error: BaseException) -> None:
        """Tell of what nobody foresaw, as the kubelet tells of a pod that it cannot sync."""
        if not self._is_silent and self._has_object:
            self._lost_at.add(what)
            self._faults.note(f"{NAME} ({what})", self.subject, error, reason="FailedSync")

    def _found(self, what: str) -> None:
        if what in self._lost_at:
            self._lost_at.discard(what)
            self._faults.forget(f"{NAME} ({what})", self.subject)

    def _call_soon(self, act: Callable[[], None], what: str) -> asyncio.Handle:
        def guarded() -> None:
            try:
                act()
            except Exception as error:
                self._lost(what, error)
            else:
                self._found(what)

        return asyncio.get_running_loop().call_soon(guarded)

    def _arm_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wakeup = life.next_wakeup(self._state)
        if wakeup is not None:
            delay = max(wakeup - self._around.clock(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        try:
            self.post(happens.Ticked())
        except Exception as error:
            self._lost("timer", error)

    async def _run_container(self, name: str) -> None:
        """Run one instance of a container from its start to its end, and start it again after a fault."""
        try:
            await self._run_instance(name)
        except Exception as error:
            self._lost(f"container {name}", error)
            if self._state.container(name).stage is Stage.RUNNING:
                self.post(happens.Exited(name, *KILLED, describe(error)))
            else:
                self.post(happens.StartFailed(name, describe(error)))

    async def _run_instance(self, name: str) -> None:
        container = self.spec.container(name)
        assert container is not None
        try:
            plan = self._plan(container)
        except ConfigError as error:
            self.post(happens.Refused(name, "CreateContainerConfigError", str(error)))
            return
        if plan is None:
            text = unknown_image_text(container.image, self._around.config.images)
            self.post(happens.Refused(name, "ErrImagePull", text))
            return
        self.has_programs = self.has_programs or plan.process.builtin is None
        self._report("Normal", "Pulled", f'Container image "{container.image}" already present on machine')
        self._report("Normal", "Created", f"Created container: {name}")
        instance = self._instances[name] = Instance(plan, self._open_log(name))
        try:
            if plan.process.working_dir == str(self._scratch(name)):
                self._scratch(name).mkdir(parents=True, exist_ok=True)
            await self._run_process(container, instance)
        except (StartError, OSError) as error:
            instance.end()
            self.post(happens.StartFailed(name, f"failed to start container process: {error}"))
        finally:
            instance.end()

    async def _run_process(self, container: ContainerSpec, instance: Instance) -> None:
        process = await instance.start(self._around.runner, container)
        try:
            self.post(happens.Started(container.name, process.pid, f"{self._around.rng.getrandbits(256):064x}"))
            self._found(f"container {container.name}")
            end = await process.wait()
        finally:
            process.kill()
        instance.end()
        if end.code and not end.is_lost and not self._state.is_terminating:
            self._report_taken_address(container.name, instance.log.path)
        message = "The process was lost together with the process that starts containers" if end.is_lost else ""
        self.post(happens.Exited(container.name, end.code, end.signal, message))

    def _report_taken_address(self, name: str, log: Path) -> None:
        """Say so if a container has ended because somebody has its address."""
        said = taken_address(read_end(log))
        if said:
            self._report(
                "Warning",
                "AddressInUse",
                f'container {name} has ended as its address is taken ("{said}"): every program in a pod has '
                f"to bind $POD_IP ({self.place.pod_ip}), not all addresses, as pods share this machine's",
            )

    def _plan(self, container: ContainerSpec) -> ContainerPlan | None:
        around, config = self._around, self._around.config
        context = PodContext(self.spec, *self.place[:2], around.config_maps(), around.services())
        tools = str(config.tool_dir) if config.cluster_dns else ""
        host = HostFacts(
            config.images,
            config.environment,
            config.working_dir,
            config.nginx,
            self._bind_port,
            tools,
            config.cluster_dns,
            str(config.etc_dir(self.spec.uid)),
        )
        return plan_container(container, context, host, str(self._scratch(container.name)))

    def _bind_port(self, port: int) -> int:
        return self._around.network.bind(self.place.pod_ip, port)[1]

    def _scratch(self, container: str = "") -> Path:
        return self._around.config.work_dir / self.spec.uid / container

    def _open_log(self, name: str) -> LogWriter:
        """Open the log of a container's next instance; of the earlier ones only the last is kept."""
        number = self._state.container(name).restart_count
        folder = pod_log_dir(self._around.config.log_dir, *self.spec.key, self.spec.uid) / name
        for old in [each for each in self.logs if each[0] == name and each[1] < number - 1]:
            path = self.logs.pop(old).path
            for part in folder.glob(f"{path.name}*"):
                with contextlib.suppress(OSError):
                    part.unlink()
        log = LogWriter(
            folder / f"{number}.log",
            clock=self._around.clock,
            report=lambda text: self._report("Warning", "LogWriteFailed", text),
        )
        self.logs[name, number] = log
        return log

    async def _probe_container(self, name: str, instance: Instance) -> None:
        """Run the postStart hook, then the startup probe, then the other two side by side."""
        container = self.spec.container(name)
        assert container is not None
        if container.post_start is not None and not await self._post_start(container, container.post_start, instance):
            return
        probes = probes_of(container)
        if startup := probes.pop(Kind.STARTUP, None):
            await self._probe(container, instance, Kind.STARTUP, startup)
        async with asyncio.TaskGroup() as group:
            for kind, probe in probes.items():
                group.create_task(self._probe(container, instance, kind, probe), name=f"{kind.value} of {name}")

    async def _probe(self, container: ContainerSpec, instance: Instance, kind: Kind, probe: Probe) -> None:
        """Probe until a startup probe has passed, or a startup or liveness probe has failed for good."""
        now = self._around.monotonic
        started = now()
        state = begin_probe(kind, probe, started, started)
        target = self._target(container, instance)
        port = None if isinstance(probe.handler, Exec) else port_number(container, probe.handler.port)
        while not (self._state.is_terminating and kind is not Kind.READINESS):
            await asyncio.sleep(max(state.due_at - now(), 0.0))
            try:
                outcome = await prober.probe(probe.handler, port, target, probe.timeout)
            except Exception as error:
                # As prober/worker.go: what the probe panics at is no verdict, and the next one comes in its time.
                self._lost(f"{kind.value} probe of {container.name}", error)
                await asyncio.sleep(probe.period)
                continue
            self._found(f"{kind.value} probe of {container.name}")
            state, verdict = observe(state, outcome, now())
            if not outcome.is_success:
                self._report("Warning", "Unhealthy", f"{kind.title} probe failed: {outcome.message}")
            if verdict is not None and self._tell(container.name, kind, verdict, probe):
                return

    def _tell(self, name: str, kind: Kind, verdict: Verdict, probe: Probe) -> bool:
        """Pass a verdict on; return whether the probe is done with."""
        passed = verdict is Verdict.PASSED
        if kind is Kind.READINESS:
            self.post(happens.ReadinessChanged(name, passed))
            return False
        if not passed:
            self.post(happens.ProbeKilled(name, kind.value, probe.grace_seconds))
            return True
        if kind is Kind.STARTUP:
            self.post(happens.StartupPassed(name))
            return True
        return False

    def _target(self, container: ContainerSpec, instance: Instance) -> prober.Target:
        plan = instance.plan

        def command(words: tuple[str, ...]) -> ProcessSpec:
            return ProcessSpec(with_agnhost_on_path(words), plan.process.environment, plan.working_dir)

        return prober.Target(self.place.pod_ip, self._around.network.dial, self._around.runner, command)

    async def _post_start(self, container: ContainerSpec, hook: HookHandler, instance: Instance) -> bool:
        said = await self._run_hook(container, hook, instance, HOOK_SECONDS)
        if said is None:
            return True
        self._report("Warning", "FailedPostStartHook", f"PostStartHook failed: {said}")
        self.post(happens.PostStartFailed(container.name))
        return False

    async def _pre_stop(self, name: str, timeout: float) -> None:
        container = self.spec.container(name)
        assert container is not None
        assert container.pre_stop is not None
        said = await self._run_hook(container, container.pre_stop, self._instances[name], timeout)
        if said is not None:
            self._report("Warning", "FailedPreStopHook", f"PreStopHook failed: {said}")
        self.post(happens.PreStopFinished(name))

    async def _run_hook(
        self, container: ContainerSpec, hook: HookHandler, instance: Instance, timeout: float
    ) -> str | None:
        """Run a hook; return what went wrong, None if nothing did."""
        port = port_number(container, hook.port) if isinstance(hook, HTTPGet | TCPSocket) else None
        return await prober.run_hook(hook, port, self._target(container, instance), timeout)

    def _report(self, kind: str, reason: str, message: str) -> None:
        if not self._is_silent and self._has_object:
            with contextlib.suppress(StatusError):
                self._recorder.event(self._pod, kind, reason, message)

    def _write_due_status(self) -> None:
        self._status_due = None
        self._write_status()

    def _write_status(self) -> None:
        if self._is_silent or not self._has_object:
            return
        status = pod_status(self._pod, self.spec, self._state, self.place, self._around.clock())
        if status == self._pod.get("status"):
            return
        metadata = {each: value for each, value in self._pod["metadata"].items() if each != "resourceVersion"}
        with contextlib.suppress(StatusError):
            pod = {**self._pod, "metadata": metadata, "status": status}
            self._pod = self._around.registry.update_status(PODS, pod)

    def _finish(self) -> None:
        """Say how the pod ended, then let its object go if it is to be deleted."""
        if self._status_due is not None:
            self._status_due.cancel()
        try:
            self._write_status()
            if self._pod["metadata"].get("deletionTimestamp"):
                self._delete_object()
        finally:
            self.ended.set()

    def _delete_object(self) -> None:
        if self._has_object and not self._is_silent:
            with contextlib.suppress(StatusError):
                self._around.registry.delete(PODS, *self.spec.key, grace_period_seconds=0, uid=self.spec.uid)

"""The probes and lifecycle hooks of one pod's containers: run when due, with their results posted to its machine."""

from __future__ import annotations

import asyncio

from kubeapi.meta import JSON
from kubelet.pod.machine.events import PostStartFailed, PreStopFinished, ProbeKilled, ReadinessChanged, StartupPassed
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.probes import ProbeKind, ProbeOutcome, Verdict, begin_probe, observe, probes_of
from kubelet.pod.spec import ContainerSpec, Probe
from kubelet.process.exec import command_spec
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.instance import Instance
from kubelet.runtime.pods.machine import PodMachine
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.prober import read_handler
from kubelet.runtime.prober.target import ProbeTarget
from kubelet.spec.process import ProcessSpec

HOOK_SECONDS = 30.0
"""Limit of a postStart hook. Kubernetes has none; a hook that hangs would keep its container from being probed."""


class PodProber:
    """``run`` is a container's task from its start to its end, ``run_pre_stop`` the beginning of its stop."""

    def __init__(self, dependencies: Dependencies, pod: PodObject, place: PodPlace, machine: PodMachine) -> None:
        self._dependencies = dependencies
        self._pod = pod
        self._place = place
        self._machine = machine

    async def run(self, name: str, instance: Instance) -> None:
        """Run the postStart hook, then the startup probe, then the other two side by side."""
        container = self._pod.spec.container(name)
        target = self._target(container, instance)
        if container.post_start is not None and not await self._post_start(name, container.post_start, target):
            return
        probes = probes_of(container)
        if startup := probes.pop(ProbeKind.STARTUP, None):
            await self._probe(name, ProbeKind.STARTUP, startup, target)
        async with asyncio.TaskGroup() as group:
            for kind, probe in probes.items():
                group.create_task(self._probe(name, kind, probe, target), name=f"{kind.value} of {name}")

    async def run_pre_stop(self, name: str, instance: Instance, timeout: float) -> None:
        """Run the preStop hook for at most ``timeout`` seconds."""
        container = self._pod.spec.container(name)
        assert container.pre_stop is not None
        outcome = await _run_hook(container.pre_stop, self._target(container, instance), timeout)
        if not outcome.is_success:
            self._pod.report("Warning", "FailedPreStopHook", f"PreStopHook failed: {_failure(outcome)}")
        self._machine.post(PreStopFinished(name))

    async def _post_start(self, name: str, hook: JSON, target: ProbeTarget) -> bool:
        outcome = await _run_hook(hook, target, HOOK_SECONDS)
        if outcome.is_success:
            return True
        self._pod.report("Warning", "FailedPostStartHook", f"PostStartHook failed: {_failure(outcome)}")
        self._machine.post(PostStartFailed(name))
        return False

    async def _probe(self, name: str, kind: ProbeKind, probe: Probe, target: ProbeTarget) -> None:
        """Probe until a startup probe has passed, or a startup or liveness probe has failed for good."""
        now, what = self._dependencies.monotonic, f"{kind.value} probe of {name}"
        started = now()
        state = begin_probe(kind, probe, started, started)
        handler = read_handler(probe.handler)
        while not (self._machine.state.is_terminating and kind is not ProbeKind.READINESS):
            await asyncio.sleep(max(state.due_at - now(), 0.0))
            try:
                outcome = await handler.attempt(target, probe.timeout)
            except Exception as error:
                # An unforeseen error is no verdict, and the next attempt comes in its time (prober/worker.go).
                self._pod.failed(what, error)
                await asyncio.sleep(probe.period)
                continue
            self._pod.recovered(what)
            state, verdict = observe(state, outcome, now())
            if not outcome.is_success:
                self._pod.report("Warning", "Unhealthy", f"{kind.title} probe failed: {outcome.message}")
            if verdict is not None and self._is_decided(name, kind, verdict, probe):
                return

    def _is_decided(self, name: str, kind: ProbeKind, verdict: Verdict, probe: Probe) -> bool:
        """Tell the machine of a verdict; return whether it is the probe's last."""
        has_passed = verdict is Verdict.PASSED
        if kind is ProbeKind.READINESS:
            self._machine.post(ReadinessChanged(name, has_passed))
            return False
        if not has_passed:
            self._machine.post(ProbeKilled(name, kind.value, probe.grace_seconds))
            return True
        if kind is ProbeKind.STARTUP:
            self._machine.post(StartupPassed(name))
            return True
        return False

    def _target(self, container: ContainerSpec, instance: Instance) -> ProbeTarget:
        plan = instance.plan

        def command(words: tuple[str, ...]) -> ProcessSpec:
            assert instance.process is not None
            return command_spec(plan.process, instance.process.identity, words, plan.working_dir, is_tty=False)

        ports = {each.name: each.container_port for each in reversed(container.ports) if each.name}
        network, runner = self._dependencies.network, self._dependencies.runner
        return ProbeTarget(self._place.pod_ip, ports, network, runner, command)


async def _run_hook(hook: JSON, target: ProbeTarget, timeout: float) -> ProbeOutcome:
    return await read_handler(hook).attempt(target, timeout)


def _failure(outcome: ProbeOutcome) -> str:
    return outcome.message or "the command failed"

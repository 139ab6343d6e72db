"""The sandbox of one pod: made before its first container, made again when the agent was lost, and given up at its end.

Without sandboxes on this machine there is nothing to do. Follows k8s.io/kubernetes ``pkg/kubelet/kuberuntime``
(createPodSandbox, podSandboxChanged).
"""

from __future__ import annotations

import asyncio

from kubelet.nodes import NodeConfig
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.names import host_name, read_names
from kubelet.pod.security import read_sysctls
from kubelet.process.runner import ProcessRunner, RunningProcess
from kubelet.runtime.pods.object import PodObject
from kubelet.spec.process import ProcessSpec, SandboxError
from kubelet.spec.sandbox import Mount, Root, SandboxSpec
from kubelet.spec.server import plan_server

RETRY_FIRST, RETRY_LIMIT = 1.0, 60.0
"""Seconds until a failed sandbox is tried again, doubled each time."""


PAUSE = ProcessSpec(builtin=plan_server("pause", delay=0), title="pause")


class PodSandbox:
    """``runner`` makes it as ``spec`` says; ``pod`` gets the events, ``place`` are its addresses."""

    def __init__(self, runner: ProcessRunner, pod: PodObject, place: PodPlace, spec: SandboxSpec) -> None:
        self._runner = runner
        self._pod = pod
        self.place = place
        self._spec = spec
        self._was_made = False
        self._pause: RunningProcess | None = None
        self._pausing = asyncio.Lock()

    @property
    def hostname(self) -> str:
        """What the pod's containers have as their host name."""
        return self._spec.hostname

    @property
    def is_used(self) -> bool:
        """Whether pods have sandboxes."""
        return self._runner.has_sandboxes

    async def wait_until_made(self) -> None:
        """Make the sandbox; try again until it is there."""
        delay = RETRY_FIRST
        while not await self.make():
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_LIMIT)

    async def make(self) -> bool:
        """Make the sandbox unless it is there; return whether it is. A failure and a new one are reported."""
        if not self.is_used:
            return True
        try:
            is_new = await self._runner.make_sandbox(self._spec)
        except (SandboxError, OSError) as error:
            self._pod.report("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
            return False
        if is_new and self._was_made:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._pod.report("Normal", "SandboxChanged", text)
        self._was_made = True
        return True

    def remove(self) -> None:
        """Give the sandbox up, as nothing of the pod runs any more."""
        if self._pause is not None:
            self._pause.kill()
        if self.is_used:
            self._runner.remove_sandbox(self._spec.uid)

    async def first_process(self) -> str:
        """Return the identity of the process with which all containers of a pod share theirs; StartError, OSError."""
        async with self._pausing:
            if self._pause is None or self._pause.has_exited:
                self._pause = await self._runner.start(self.around(PAUSE, Root()))
        return self._pause.identity

    def around(self, process: ProcessSpec, root: Root) -> ProcessSpec:
        """Return a container's process inside the sandbox."""
        return process._replace(sandbox=self._spec.uid, root=root)


def sandbox_spec(
    pod: PodObject, place: PodPlace, node: NodeConfig, memory: tuple[Mount, ...], domain: str
) -> SandboxSpec:
    """Return what the agent makes for a pod of ``node``; ``memory`` are its volumes in memory."""
    spec = pod.spec
    hostname = node.name if spec.is_host_network else host_name(read_names(pod.obj), spec.key.namespace, domain)
    return SandboxSpec(
        uid=spec.uid,
        addresses=place.pod_ips,
        gateways=node.gateways,
        hostname=hostname,
        is_host_network=spec.is_host_network,
        sysctls=read_sysctls(spec),
        memory=memory,
    )

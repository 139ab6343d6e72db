"""The resize of one running pod: its containers get the resources that its object has now, or are restarted with them.

Follows ``pkg/kubelet/kuberuntime`` (computePodResizeAction, doPodResizeAction) and ``pkg/kubelet/allocation``
(handlePodResourcesResize): a resize for which the node has no room waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from kubelet.pod.admission import Rejection
from kubelet.pod.machine.events import Defers, Resized, ResizeRestart, Resizes
from kubelet.pod.machine.resizing import given_to, needs_restart, resize_text
from kubelet.pod.machine.state import Resizing, Stage
from kubelet.pod.spec import ContainerSpec, Role, read_pod_spec
from kubelet.runtime.instance import Instance
from kubelet.runtime.pods.limits import PodLimits
from kubelet.runtime.pods.machine import PodMachine
from kubelet.runtime.pods.object import PodObject

RETRY_SECONDS = 10.0
"""After which a resize that failed is tried again (a kubelet's backOffPeriod)."""


class PodResize:
    """``instances`` has the latest run of each container."""

    def __init__(self, pod: PodObject, limits: PodLimits, machine: PodMachine, instances: dict[str, Instance]) -> None:
        self._pod = pod
        self._limits = limits
        self._machine = machine
        self._instances = instances
        self._retry: asyncio.TimerHandle | None = None

    def ask(self, rejection: Rejection | None) -> None:
        """Begin a resize that the pod's object asks for, or say why its node has no room for it."""
        deferred, is_asked = self._machine.state.deferred, self._pod.is_resized
        if is_asked and rejection is not None:
            self._defer(rejection, deferred)
            return
        if deferred is not None:
            self._machine.post(Defers(None))
        if is_asked:
            self._pod.allocate()
            self._begin()

    def _defer(self, rejection: Rejection, before: Resizing | None) -> None:
        generation = self._pod.obj["metadata"].get("generation", 0)
        deferred = Resizing(generation, rejection.message)
        if deferred != before:
            self._machine.post(Defers(deferred))
        if before is None or before.generation != generation:
            asked = read_pod_spec(self._pod.obj)
            text = resize_text(f"Pod resize {rejection.reason}", asked, generation, rejection.message)
            self._pod.report("Warning", "ResizeDeferred", text)

    def _begin(self) -> None:
        generation = self._pod.obj["metadata"].get("generation", 0)
        text = resize_text("Pod resize started", self._pod.spec, generation)
        self._pod.report("Normal", "ResizeStarted", text)
        self._machine.post(Resizes(Resizing(generation)))
        self.go_on()

    def go_on(self) -> None:
        """Do what is left of a resize, and notice that it is done; without one nothing happens."""
        self.close()
        resizing = self._machine.state.resizing
        if resizing is None or self._machine.state.is_finished:
            return
        error = ""
        for container in list(self._behind()):
            error = self._change(container) or error
        if error:
            self._fail(resizing, error)
        elif not any(self._behind()) and not self._is_starting():
            text = resize_text("Pod resize completed", self._pod.spec, resizing.generation)
            self._machine.post(Resizes(None))
            self._pod.report("Normal", "ResizeCompleted", text)

    def _behind(self) -> Iterator[ContainerSpec]:
        """Yield the running containers that have other resources than they are to have."""
        for each in self._machine.state.containers:
            if each.role is Role.EPHEMERAL or each.stage is not Stage.RUNNING:
                continue
            container = self._pod.spec.container(each.name)
            if each.given != given_to(self._pod.spec, container):
                yield container

    def _is_starting(self) -> bool:
        """Tell whether a container begins with resources of which it is not known yet whether they are the old ones."""
        return any(each.stage is Stage.STARTING for each in self._machine.state.containers)

    def _change(self, container: ContainerSpec) -> str:
        """Give a container its resources, or begin its restart; return why it has to keep those that it has."""
        wanted, state = given_to(self._pod.spec, container), self._machine.state.container(container.name)
        if needs_restart(container, state.given, wanted):
            self._machine.post(ResizeRestart(container.name))
            return ""
        try:
            refusal = self._limits.change(self._pod.spec, container, self._instances[container.name].plan)
        except OSError as error:
            refusal = f"{error.filename}: {error.strerror}"
        if not refusal:
            self._machine.post(Resized(container.name, wanted))
        return refusal

    def _fail(self, resizing: Resizing, error: str) -> None:
        if resizing.error != error:
            self._machine.post(Resizes(resizing._replace(error=error)))
            text = resize_text("Pod resize error", self._pod.spec, resizing.generation, error)
            self._pod.report("Warning", "ResizeError", text)
        self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self.go_on)

    def close(self) -> None:
        """Try no more."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

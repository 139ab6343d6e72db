"""The control groups of one pod and its containers: what bounds their processor time and memory, where that may be."""

from __future__ import annotations

from pathlib import Path

from kubehost.io.cgroups import Cgroups, setting_of
from kubelet.images.plan import ContainerPlan
from kubelet.pod.limits import container_settings, pod_settings
from kubelet.pod.machine.resizing import Memory, memory_refusal
from kubelet.pod.spec import ContainerSpec, PodSpec


class PodLimits:
    """Every container has a group, so that what it asks for weighs against all others; where none may be, none has."""

    def __init__(self, cgroups: Cgroups) -> None:
        self._cgroups = cgroups

    def around(self, pod: PodSpec, container: ContainerSpec, plan: ContainerPlan) -> ContainerPlan:
        """Return a container's plan in a new group, if it may have one. OSError."""
        if not self._cgroups.controllers:
            return plan
        settings = container_settings(container, pod.resources)
        group = self._cgroups.add(pod.uid, container.name, pod_settings(pod), settings)
        return plan._replace(process=plan.process._replace(cgroup=str(group)))

    def change(self, pod: PodSpec, container: ContainerSpec, plan: ContainerPlan) -> str:
        """Give a running container the resources that it has now; return why not, "" if it has them. OSError."""
        group = Path(plan.process.cgroup)
        if not plan.process.cgroup:
            return ""
        settings, around = container_settings(container, pod.resources), pod_settings(pod)
        if refusal := memory_refusal(container.name, settings, around, _memory(group), _memory(group.parent)):
            return refusal
        self._cgroups.change(group.parent, around)
        self._cgroups.change(group, settings)
        return ""

    def release(self, plan: ContainerPlan) -> bool:
        """Remove the group of a container that has ended; tell whether the kernel killed it for its memory."""
        return bool(plan.process.cgroup) and self._cgroups.remove(Path(plan.process.cgroup))


def _memory(group: Path) -> Memory:
    return Memory(setting_of(group, "memory.max"), int(setting_of(group, "memory.current") or 0))

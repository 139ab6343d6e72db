"""The control groups of one pod's containers: what bounds their processor time and memory, where that is allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kubehost.io.cgroups import Cgroups
from kubelet.images.plan import ContainerPlan
from kubelet.pod.limits import cgroup_settings
from kubelet.pod.spec import ContainerSpec


class PodLimits:
    """Only containers that ask for something have a group; where none may be made, none has."""

    def __init__(self, cgroups: Cgroups, uid: str) -> None:
        self._cgroups = cgroups
        self._uid = uid

    def around(self, container: ContainerSpec, plan: ContainerPlan) -> ContainerPlan:
        """Return a container's plan in a new group, if it is to have one. OSError."""
        settings = cgroup_settings(container.resources)
        if not self._cgroups.controllers or not settings:
            return plan
        group = self._cgroups.add(self._uid, container.name, settings)
        return plan._replace(process=replace(plan.process, cgroup=str(group)))

    def release(self, plan: ContainerPlan) -> bool:
        """Remove the group of a container that has ended; tell whether the kernel killed it for its memory."""
        return bool(plan.process.cgroup) and self._cgroups.remove(Path(plan.process.cgroup))

"""Which container of a pod a request means, and which of its instances. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeapi.meta import ObjectKey
from kubeapi.podoptions import PodLogOptions
from kubeapi.status import StatusError

if TYPE_CHECKING:
    from kubelet.pod.spec import PodSpec


def instance_asked_for(pod: ObjectKey, name: str, restarts: int, options: PodLogOptions) -> int:
    """Return the instance of a container whose log is asked for; StatusError if there was no previous one."""
    if options.previous and not restarts:
        raise StatusError(400, "BadRequest", f'previous terminated container "{name}" in pod "{pod.name}" not found')
    return restarts - 1 if options.previous else restarts


def choose_container(pod: PodSpec, name: str) -> str:
    """Return the container that is meant: the named, the only, or the default one; StatusError."""
    if name:
        if not any(each.name == name for each in pod.containers):
            raise StatusError(400, "BadRequest", f"container {name} is not valid for pod {pod.key.name}")
        return name
    if len(pod.mains) == 1:
        return pod.mains[0].name
    if default := pod.annotations.get("kubectl.kubernetes.io/default-container"):
        return choose_container(pod, default)
    choices = " ".join(each.name for each in pod.mains)
    text = f"a container name must be specified for pod {pod.key.name}, choose one of: [{choices}]"
    raise StatusError(400, "BadRequest", text)

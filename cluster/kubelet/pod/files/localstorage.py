"""Whether a pod uses more of the disk than it may: its emptyDir volumes, the whole pod, its containers. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/eviction`` (localStorageEviction), in its order and with its messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresources import pod_resources
from kubeapi.objects.priority import LOWEST_SYSTEM_PRIORITY, priority_of
from kubeapi.serialization.quantity import amount_of

REASON = "Evicted"
RESOURCE = "ephemeral-storage"


class LocalUsage(NamedTuple):
    """Bytes that a pod has written: of each container with its log, of each volume on disk."""

    containers: Mapping[str, int]
    volumes: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.containers.values()) + sum(self.volumes.values())


def is_limited(pod: JSON) -> bool:
    """Tell whether a pod may be evicted for what it writes; a critical one never is."""
    if priority_of(pod) >= LOWEST_SYSTEM_PRIORITY:
        return False
    return next(_volume_limits(pod), None) is not None or next(_container_limits(pod), None) is not None


def eviction_message(pod: JSON, usage: LocalUsage) -> str:
    """Return why a pod that has written so much is evicted, "" if it is not."""
    for name, limit in _volume_limits(pod):
        if usage.volumes.get(name, 0) > amount_of(limit) > 0:
            return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
    total = pod_resources(spec_of(pod), "limits").get(RESOURCE)
    if total is not None and usage.total > amount_of(total):
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
    for name, limit in _container_limits(pod):
        if usage.containers.get(name, 0) > amount_of(limit) > 0:
            return f'Container {name} exceeded its local ephemeral storage limit "{limit}". '
    return ""


def _volume_limits(pod: JSON) -> Iterator[tuple[str, str]]:
    """Yield the names and limits of emptyDir volumes on disk; those in memory are the kernel's."""
    for volume in list_at(spec_of(pod), "volumes"):
        source = map_at(volume, "emptyDir")
        if source.get("sizeLimit") is not None and source.get("medium") != "Memory":
            yield volume["name"], str(source["sizeLimit"])


def _container_limits(pod: JSON) -> Iterator[tuple[str, str]]:
    for container in (*read_pod(pod).containers, *read_pod(pod).sidecars):
        if limit := map_at(container, "resources", "limits").get(RESOURCE):
            yield container["name"], str(limit)

"""What a Pod says of itself (k8s.io/kubernetes ``pkg/api/v1/pod/util.go``, ``pkg/controller/controller_utils.go``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of, parse_time
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.parts import Reading, list_at, spec_of, status_of
from kubeapi.objects.podsummary import FINISHED_PHASES, PodSummary, read_pod_summary
from kubeapi.objects.qos import qos_class


class PodPort(NamedTuple):
    """A port that a container declares; ``host_port`` is that of the node which leads to it, 0 without.

    ``host_ip`` is the address of the node where it does, "" for all.
    """

    name: str
    port: int
    protocol: str
    host_port: int
    host_ip: str


class Pod(Reading):
    """A Pod, read when it is asked for: a controller asks one question of each of thousands."""

    __slots__ = ()

    @property
    def key(self) -> ObjectKey:
        """Its namespace and name."""
        return key_of(self.obj)

    @property
    def node_name(self) -> str:
        """The node that it is assigned to, "" before."""
        return (self.obj.get("spec") or {}).get("nodeName") or ""

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded, Failed or Unknown; Pending as long as no status says another."""
        return status_of(self.obj).get("phase") or "Pending"

    @property
    def is_finished(self) -> bool:
        """Whether it will never run again."""
        return (self.obj.get("status") or {}).get("phase") in FINISHED_PHASES

    @property
    def is_terminating(self) -> bool:
        """Whether its deletion has begun."""
        return is_terminating(self.obj)

    @property
    def is_active(self) -> bool:
        """Whether it counts for its ReplicaSet: neither finished nor being deleted."""
        return not self.is_finished and not is_terminating(self.obj)

    @property
    def is_ready(self) -> bool:
        """Whether its condition Ready is True."""
        return is_condition_true(self.obj, "Ready")

    @property
    def ready_since(self) -> float | None:
        """Since when it is ready, in seconds since the epoch; None if it is not, 0 if its condition does not say."""
        condition = find_condition(self.obj, "Ready")
        if condition is None or condition.get("status") != "True":
            return None
        changed = condition.get("lastTransitionTime")
        return parse_time(changed) if changed else 0.0

    def seconds_until_available(self, min_ready_seconds: int, now: float) -> float | None:
        """Return 0 if it is available, the seconds that are left to minReadySeconds, or None if it is not ready."""
        if min_ready_seconds == 0:
            return 0.0 if self.is_ready else None
        since = self.ready_since
        return None if since is None else max(0.0, since + min_ready_seconds - now)

    @property
    def reason(self) -> str:
        """Why it has its phase (Evicted, NodeLost ...), "" without a reason."""
        return status_of(self.obj).get("reason") or ""

    @property
    def ips(self) -> tuple[str, ...]:
        """Its addresses, of each family one, the preferred first; () before it has any."""
        status = status_of(self.obj)
        several = [each["ip"] for each in status.get("podIPs") or () if each.get("ip")]
        return tuple(several or filter(None, (status.get("podIP"),)))

    def ip_of(self, family: str) -> str | None:
        """Return its address of IPv4 or IPv6; None while it has none."""
        for ip in self.ips:
            if (":" in ip) == (family == "IPv6"):
                return ip
        return None

    @property
    def qos_class(self) -> str:
        """Guaranteed, Burstable or BestEffort: what its status says, else what follows from its spec."""
        return status_of(self.obj).get("qosClass") or qos_class(spec_of(self.obj))

    @property
    def summary(self) -> PodSummary:
        """What ``kubectl get pods`` shows of it."""
        return read_pod_summary(self.obj)

    @property
    def containers(self) -> Sequence[JSON]:
        """Its containers, as its spec says them."""
        return list_at(self.obj, "spec", "containers")

    @property
    def init_containers(self) -> Sequence[JSON]:
        """Its init containers, sidecars among them, as its spec says them."""
        return list_at(self.obj, "spec", "initContainers")

    @property
    def sidecars(self) -> list[JSON]:
        """Its init containers that go on running."""
        return [each for each in self.init_containers if each.get("restartPolicy") == "Always"]

    @property
    def ports(self) -> tuple[PodPort, ...]:
        """The ports that its containers and sidecars declare."""
        return tuple(
            PodPort(
                port.get("name") or "",
                port["containerPort"],
                port.get("protocol") or "TCP",
                port.get("hostPort") or 0,
                port.get("hostIP") or "",
            )
            for container in (*self.sidecars, *self.containers)
            for port in list_at(container, "ports")
        )

    @property
    def container_statuses(self) -> list[ContainerStatus]:
        """The statuses of its containers."""
        return [ContainerStatus(each) for each in list_at(self.obj, "status", "containerStatuses")]

    @property
    def init_container_statuses(self) -> list[ContainerStatus]:
        """The statuses of its init containers."""
        return [ContainerStatus(each) for each in list_at(self.obj, "status", "initContainerStatuses")]

    @property
    def ephemeral_container_statuses(self) -> list[ContainerStatus]:
        """The statuses of its ephemeral containers."""
        return [ContainerStatus(each) for each in list_at(self.obj, "status", "ephemeralContainerStatuses")]

    @property
    def all_container_statuses(self) -> list[ContainerStatus]:
        """The statuses of its init containers, containers and ephemeral containers, in this order."""
        return [*self.init_container_statuses, *self.container_statuses, *self.ephemeral_container_statuses]

    def status_of(self, container: str) -> ContainerStatus:
        """Return the status of a container of any sort; an empty one if there is none yet."""
        found = (each for each in self.all_container_statuses if each.obj.get("name") == container)
        return next(found, ContainerStatus({"name": container}))

    @property
    def most_restarts(self) -> int:
        """The restarts of the container that was restarted most, init containers left out (maxContainerRestarts)."""
        return max((each.restart_count for each in self.container_statuses), default=0)


read_pod = Pod
"""Returns the reading of a Pod object."""

"""The state of a pod and its containers at one moment, which ``lifecycle`` changes. Times are epoch seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubelet.pod.spec import ContainerSpec, PodSpec, Role


class Stage(Enum):
    """Where a container is in its life. STARTING: its process was asked for and does not run yet."""

    WAITING = auto()
    STARTING = auto()
    RUNNING = auto()
    TERMINATED = auto()


class Termination(NamedTuple):
    """How a container ended; ``reason`` is Completed, Error, StartError ..."""

    exit_code: int
    signal: int
    reason: str
    message: str
    started_at: float
    finished_at: float
    container_id: str


class Given(NamedTuple):
    """The resources with which a container runs: its ``own``, and those of its pod, as their specs have them."""

    own: JSON
    pod: JSON


NOTHING = Given({}, {})


class Resizing(NamedTuple):
    """A resize that is not done: the generation of the Pod object that asked for it, and why it has failed so far."""

    generation: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container at one moment.

    ``reason`` and ``message`` say why it waits. ``is_restart``: its next start counts as a restart; ``is_resumed``: it
    ran only under an earlier kubelet so far. ``last`` is its latest end. ``retry_at`` is when it may start next,
    ``back_off`` and ``pull_back_off`` are the seconds to wait after its next failure, ``shown_at`` is when
    ``refused_image`` was refused. ``kill_at`` is set while it is being stopped: the time at which the stop signal
    (while ``is_signalled`` is false) or SIGKILL is due at the latest; a sidecar that ``is_due`` gets the signal in its
    turn. ``given`` are the resources of its latest run.
    """

    name: str
    role: Role
    restart_policy: str
    restart_rules: tuple[JSON, ...] = ()
    has_startup_probe: bool = False
    has_readiness_probe: bool = False
    has_pre_stop: bool = False
    image: str = ""
    stage: Stage = Stage.WAITING
    reason: str = ""
    message: str = ""
    restart_count: int = 0
    is_restart: bool = False
    is_resumed: bool = False
    pid: int = 0
    container_id: str = ""
    started_at: float = 0.0
    is_started: bool = False
    is_ready: bool = False
    last: Termination | None = None
    retry_at: float = 0.0
    back_off: float = 0.0
    pull_back_off: float = 0.0
    shown_at: float = 0.0
    refused_image: str = ""
    kill_at: float | None = None
    is_signalled: bool = False
    is_due: bool = False
    given: Given = NOTHING

    @property
    def is_alive(self) -> bool:
        """Whether a process exists or has been asked for."""
        return self.stage in (Stage.STARTING, Stage.RUNNING)

    @property
    def is_over(self) -> bool:
        """Whether it has ended and will not be restarted."""
        return self.stage is Stage.TERMINATED

    @property
    def has_succeeded(self) -> bool:
        """Whether it is over, with exit code 0."""
        return self.is_over and self.last is not None and self.last.exit_code == 0

    @property
    def lets_others_start(self) -> bool:
        """Whether the containers after this one may start."""
        return self.has_succeeded if self.role is Role.INIT else self.is_started

    def restarts_after(self, exit_code: int) -> bool:
        """Tell whether it starts again: by the first rule that fits the exit code, else by its policy (KEP-5307).

        The action RestartAllContainers, too, restarts this one alone.
        """
        if any(_fits(each, exit_code) for each in self.restart_rules):
            return True
        return self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and exit_code != 0)


def _fits(rule: JSON, exit_code: int) -> bool:
    codes = map_at(rule, "exitCodes")
    return (exit_code in list_at(codes, "values")) == (codes.get("operator") == "In")


@dataclass(frozen=True, slots=True)
class PodState:
    """All containers of a pod, in start order.

    ``label`` names the pod in texts. ``is_terminating``: it is being stopped; ``is_finished``: nothing of it runs any
    more and nothing will start. ``resizing``: its containers do not have the resources yet that its node has given
    it; ``deferred``: its node has not given it yet what its object asks for, and why.
    """

    label: str
    grace_seconds: float
    containers: tuple[ContainerState, ...]
    is_terminating: bool = False
    is_finished: bool = False
    resizing: Resizing | None = None
    deferred: Resizing | None = None

    def container(self, name: str) -> ContainerState:
        """Return the container of that name; KeyError if there is none."""
        for each in self.containers:
            if each.name == name:
                return each
        raise KeyError(name)


class PodPlace(NamedTuple):
    """The addresses of a pod and of its node, one of each family, and when the kubelet admitted the pod.

    ``allocatable`` are the quantities of resources that its node can give.
    """

    pod_ips: tuple[str, ...]
    host_ips: tuple[str, ...]
    start_time: float
    allocatable: Mapping[str, str] = {}

    @property
    def pod_ip(self) -> str:
        """The address of the cluster's preferred family, at which the pod's processes are; "" without addresses."""
        return self.pod_ips[0] if self.pod_ips else ""


class EarlierRuns(NamedTuple):
    """How often a container was restarted under an earlier kubelet, and how it ended last."""

    restart_count: int = 0
    last: Termination | None = None


def new_pod_state(pod: PodSpec, earlier: Mapping[str, EarlierRuns] | None = None) -> PodState:
    """Return the state of a pod of which nothing runs; ``earlier`` has what its containers did before, by name."""
    containers = tuple(
        _new_container(pod, each, earlier.get(each.name) if earlier else None) for each in pod.containers
    )
    return PodState(pod.label, pod.grace_seconds, containers)


def with_added_containers(state: PodState, pod: PodSpec) -> PodState:
    """Return the state with the containers that were added to the running pod; the same object if there are none."""
    known = {each.name for each in state.containers}
    added = tuple(_new_container(pod, each, None) for each in pod.containers if each.name not in known)
    return replace(state, containers=(*state.containers, *added)) if added else state


def _new_container(pod: PodSpec, container: ContainerSpec, earlier: EarlierRuns | None) -> ContainerState:
    """Return the state of a container that this kubelet has not started; an ephemeral one never starts again."""
    is_initializing = container.role is not Role.EPHEMERAL and any(each.role.is_initial for each in pod.containers)
    is_spent = container.role is Role.EPHEMERAL and earlier is not None
    return ContainerState(
        name=container.name,
        role=container.role,
        restart_policy=_policy(pod, container),
        restart_rules=container.restart_rules,
        has_startup_probe=container.startup is not None,
        has_readiness_probe=container.readiness is not None,
        has_pre_stop=container.pre_stop is not None,
        image=container.image,
        stage=Stage.TERMINATED if is_spent else Stage.WAITING,
        reason="PodInitializing" if is_initializing else "ContainerCreating",
        restart_count=earlier.restart_count if earlier else 0,
        is_restart=earlier is not None,
        is_resumed=earlier is not None,
        last=earlier.last if earlier else None,
    )


def _policy(pod: PodSpec, container: ContainerSpec) -> str:
    """Init containers of an ``Always`` pod are restarted on failure only: their success is their end."""
    match container.role:
        case Role.SIDECAR:
            return "Always"
        case Role.EPHEMERAL:
            return "Never"
        case Role.INIT if not container.restart_policy and pod.restart_policy == "Always":
            return "OnFailure"
    return container.restart_policy or pod.restart_policy


def has_init_failed(state: PodState) -> bool:
    """Whether an init container has failed for good, so that the pod can only fail."""
    return any(each.role is Role.INIT and each.is_over and not each.has_succeeded for each in state.containers)

"""What a Pod asks for, as a frozen reading of its spec: what the kubelet needs to run it.

Fills in the defaults of core/v1 where an object has none. Follows k8s.io/api core/v1. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of, labels_of
from kubeapi.objects.parts import map_at

DEFAULT_MESSAGE_PATH = "/dev/termination-log"


class Role(Enum):
    """When a container runs: before the others to its end, beside them from the start, or as one of the others.

    An ephemeral container is added to a running pod and runs once; the pod neither waits for it nor ends with it.
    """

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"
    EPHEMERAL = "ephemeral"

    @property
    def is_initial(self) -> bool:
        """Whether the main containers wait for it."""
        return self in (Role.INIT, Role.SIDECAR)


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe; times in seconds. ``grace_seconds`` None means the pod's terminationGracePeriodSeconds.

    ``handler`` is the probe as the API has it: ``runtime.prober`` reads what it does (httpGet, exec, ...).
    """

    handler: JSON
    initial_delay: int = 0
    timeout: int = 1
    period: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    grace_seconds: int | None = None


class ContainerPort(NamedTuple):
    """One entry of a container's ports."""

    name: str
    container_port: int
    protocol: str


class MessageSource(NamedTuple):
    """Where a container's last message is: in the file ``path`` of the container.

    With ``has_log`` it is the end of its log, if it has failed and left the file empty.
    """

    path: str = DEFAULT_MESSAGE_PATH
    has_log: bool = False


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container.

    An ephemeral one sees the processes of the container ``target``, if it names one.

    Some fields stay JSON: ``environment`` reads ``env`` and ``env_from``, ``runtime.prober`` the two hooks,
    ``downward`` and ``limits`` ``resources``, ``roots`` ``mounts``, ``resizing`` ``resize_policy``, ``transitions``
    ``restart_rules``, and ``security`` the field of that name. ``restart_policy`` "" is the pod's.
    """

    name: str
    image: str
    role: Role
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[JSON, ...] = ()
    env_from: tuple[JSON, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    pre_stop: JSON | None = None
    post_start: JSON | None = None
    has_stdin: bool = False
    is_stdin_once: bool = False
    is_tty: bool = False
    stop_signal: str = ""
    target: str = ""
    mounts: tuple[JSON, ...] = ()
    resources: JSON = field(default_factory=dict)
    resize_policy: tuple[JSON, ...] = ()
    security: JSON = field(default_factory=dict)
    message: MessageSource = field(default_factory=MessageSource)
    restart_policy: str = ""
    restart_rules: tuple[JSON, ...] = ()

    @property
    def mount_paths(self) -> tuple[str, ...]:
        """Where volumes are mounted in it."""
        return tuple(each["mountPath"] for each in self.mounts)


@dataclass(frozen=True, slots=True)
class PodSpec:
    """One pod; ``containers`` in start order: init containers and sidecars as declared, the rest, ephemeral ones."""

    key: ObjectKey
    uid: str
    labels: dict[str, str]
    annotations: dict[str, str]
    node_name: str
    restart_policy: str
    grace_seconds: int
    hostname: str
    is_host_network: bool
    shares_processes: bool
    has_service_links: bool
    service_account: str
    containers: tuple[ContainerSpec, ...]
    security: JSON = field(default_factory=dict)
    resources: JSON = field(default_factory=dict)

    def container(self, name: str) -> ContainerSpec:
        """Return the container of that name; KeyError if there is none."""
        for each in self.containers:
            if each.name == name:
                return each
        raise KeyError(name)

    @property
    def mains(self) -> tuple[ContainerSpec, ...]:
        """The containers of spec.containers."""
        return tuple(each for each in self.containers if each.role is Role.MAIN)

    @property
    def label(self) -> str:
        """The pod as the kubelet names it in texts: ``NAME_NAMESPACE(UID)``."""
        return f"{self.key.name}_{self.key.namespace}({self.uid})"


def read_pod_spec(obj: JSON) -> PodSpec:
    """Read a Pod object."""
    spec = obj["spec"]
    init = [_read_container(each, _init_role(each)) for each in spec.get("initContainers") or ()]
    mains = [_read_container(each, Role.MAIN) for each in spec.get("containers") or ()]
    ephemeral = [_read_container(each, Role.EPHEMERAL) for each in spec.get("ephemeralContainers") or ()]
    grace = spec.get("terminationGracePeriodSeconds")
    return PodSpec(
        key=key_of(obj),
        uid=obj["metadata"].get("uid", ""),
        labels=labels_of(obj),
        annotations=annotations_of(obj),
        node_name=spec.get("nodeName") or "",
        restart_policy=spec.get("restartPolicy") or "Always",
        grace_seconds=30 if grace is None else grace,
        hostname=spec.get("hostnameOverride") or spec.get("hostname") or obj["metadata"]["name"],
        is_host_network=bool(spec.get("hostNetwork")),
        shares_processes=bool(spec.get("shareProcessNamespace")),
        has_service_links=spec.get("enableServiceLinks") is not False,
        service_account=spec.get("serviceAccountName") or "default",
        containers=(*init, *mains, *ephemeral),
        security=map_at(spec, "securityContext"),
        resources=map_at(spec, "resources"),
    )


def _init_role(container: JSON) -> Role:
    return Role.SIDECAR if container.get("restartPolicy") == "Always" else Role.INIT


def _read_container(container: JSON, role: Role) -> ContainerSpec:
    return replace(
        _read_program(container, role),
        startup=_read_probe(container.get("startupProbe")),
        readiness=_read_probe(container.get("readinessProbe")),
        liveness=_read_probe(container.get("livenessProbe")),
        pre_stop=_read_hook(container, "preStop"),
        post_start=_read_hook(container, "postStart"),
        stop_signal=map_at(container, "lifecycle").get("stopSignal") or "",
        message=_read_message(container),
        target=container.get("targetContainerName") or "",
        restart_policy=container.get("restartPolicy") or "",
        restart_rules=tuple(container.get("restartPolicyRules") or ()),
    )


def _read_program(container: JSON, role: Role) -> ContainerSpec:
    """Read what runs and what it finds."""
    return ContainerSpec(
        name=container["name"],
        image=container.get("image") or "",
        role=role,
        command=tuple(container.get("command") or ()),
        args=tuple(container.get("args") or ()),
        working_dir=container.get("workingDir") or "",
        env=tuple(container.get("env") or ()),
        env_from=tuple(container.get("envFrom") or ()),
        ports=tuple(_read_port(port) for port in container.get("ports") or ()),
        has_stdin=bool(container.get("stdin")),
        is_stdin_once=bool(container.get("stdinOnce")),
        is_tty=bool(container.get("tty")),
        mounts=tuple(container.get("volumeMounts") or ()),
        resources=map_at(container, "resources"),
        resize_policy=tuple(container.get("resizePolicy") or ()),
        security=map_at(container, "securityContext"),
    )


def _read_message(container: JSON) -> MessageSource:
    path = container.get("terminationMessagePath") or DEFAULT_MESSAGE_PATH
    return MessageSource(path, container.get("terminationMessagePolicy") == "FallbackToLogsOnError")


def _read_port(port: JSON) -> ContainerPort:
    return ContainerPort(port.get("name") or "", port["containerPort"], port.get("protocol") or "TCP")


def _read_probe(probe: JSON | None) -> Probe | None:
    if not probe:
        return None
    return Probe(
        handler=probe,
        initial_delay=probe.get("initialDelaySeconds") or 0,
        timeout=probe.get("timeoutSeconds") or 1,
        period=probe.get("periodSeconds") or 10,
        success_threshold=probe.get("successThreshold") or 1,
        failure_threshold=probe.get("failureThreshold") or 3,
        grace_seconds=probe.get("terminationGracePeriodSeconds"),
    )


def _read_hook(container: JSON, name: str) -> JSON | None:
    hooks = container.get("lifecycle")
    return (hooks.get(name) or None) if hooks else None

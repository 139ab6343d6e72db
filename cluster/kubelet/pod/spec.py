"""Frozen readings of a Pod: what the kubelet needs to run it, and nothing else.

Decides nothing; fills in the defaults of core/v1 where an object came without them. Follows k8s.io/api core/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of, labels_of


class Role(Enum):
    """When a container runs: to its end before the others, beside them from the start, as the pod itself, or for once.

    What runs for once (an ephemeral container) is added to a running pod, which neither waits for it nor ends by it.
    """

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"
    EPHEMERAL = "ephemeral"

    @property
    def is_initial(self) -> bool:
        """Whether the main containers wait for it."""
        return self in (Role.INIT, Role.SIDECAR)


class HTTPGet(NamedTuple):
    """An HTTP request that must answer 200 to 399; ``host`` "" is the pod's address."""

    path: str
    port: int | str
    scheme: str
    host: str
    headers: tuple[tuple[str, str], ...]


class TCPSocket(NamedTuple):
    """A connection that must be accepted."""

    port: int | str
    host: str


class Exec(NamedTuple):
    """A command that must exit with 0."""

    command: tuple[str, ...]


class GRPC(NamedTuple):
    """The gRPC health protocol."""

    port: int
    service: str


class Sleep(NamedTuple):
    """A pause, for hooks."""

    seconds: int


ProbeHandler = HTTPGet | TCPSocket | Exec | GRPC
HookHandler = HTTPGet | TCPSocket | Exec | Sleep


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe; times in seconds. ``grace_seconds`` None means the pod's terminationGracePeriodSeconds."""

    handler: ProbeHandler
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
    host_port: int


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container. ``env`` and ``env_from`` stay JSON: ``environment`` reads them."""

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
    pre_stop: HookHandler | None = None
    post_start: HookHandler | None = None
    has_stdin: bool = False
    is_stdin_once: bool = False
    is_tty: bool = False


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
    has_service_links: bool
    service_account: str
    containers: tuple[ContainerSpec, ...]

    def container(self, name: str) -> ContainerSpec | None:
        """Return the container of that name, if any."""
        return next((each for each in self.containers if each.name == name), None)

    @property
    def mains(self) -> tuple[ContainerSpec, ...]:
        """The containers of spec.containers."""
        return tuple(each for each in self.containers if each.role is Role.MAIN)

    @property
    def label(self) -> str:
        """The pod as the kubelet names it in texts: ``NAME_NAMESPACE(UID)``."""
        return f"{self.key.name}_{self.key.namespace}({self.uid})"


def read_pod(obj: JSON) -> PodSpec:
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
        hostname=spec.get("hostname") or obj["metadata"]["name"],
        is_host_network=bool(spec.get("hostNetwork")),
        has_service_links=spec.get("enableServiceLinks") is not False,
        service_account=spec.get("serviceAccountName") or "default",
        containers=(*init, *mains, *ephemeral),
    )


def _init_role(container: JSON) -> Role:
    return Role.SIDECAR if container.get("restartPolicy") == "Always" else Role.INIT


def _read_container(container: JSON, role: Role) -> ContainerSpec:
    lifecycle = container.get("lifecycle") or {}
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
        startup=_read_probe(container.get("startupProbe")),
        readiness=_read_probe(container.get("readinessProbe")),
        liveness=_read_probe(container.get("livenessProbe")),
        pre_stop=_read_hook(lifecycle.get("preStop")),
        post_start=_read_hook(lifecycle.get("postStart")),
        has_stdin=bool(container.get("stdin")),
        is_stdin_once=bool(container.get("stdinOnce")),
        is_tty=bool(container.get("tty")),
    )


def _read_port(port: JSON) -> ContainerPort:
    return ContainerPort(
        port.get("name") or "", port["containerPort"], port.get("protocol") or "TCP", port.get("hostPort") or 0
    )


def _read_probe(probe: JSON | None) -> Probe | None:
    if not probe:
        return None
    grpc = probe.get("grpc")
    handler = GRPC(grpc["port"], grpc.get("service") or "") if grpc else _read_handler(probe)
    if handler is None:
        return None
    return Probe(
        handler=handler,
        initial_delay=probe.get("initialDelaySeconds") or 0,
        timeout=probe.get("timeoutSeconds") or 1,
        period=probe.get("periodSeconds") or 10,
        success_threshold=probe.get("successThreshold") or 1,
        failure_threshold=probe.get("failureThreshold") or 3,
        grace_seconds=probe.get("terminationGracePeriodSeconds"),
    )


def _read_hook(hook: JSON | None) -> HookHandler | None:
    if not hook:
        return None
    if hook.get("sleep"):
        return Sleep(hook["sleep"].get("seconds") or 0)
    return _read_handler(hook)


def _read_handler(handler: JSON) -> HTTPGet | TCPSocket | Exec | None:
    if command := handler.get("exec"):
        return Exec(tuple(command.get("command") or ()))
    if tcp := handler.get("tcpSocket"):
        return TCPSocket(tcp["port"], tcp.get("host") or "")
    if get := handler.get("httpGet"):
        headers = tuple((each["name"], each.get("value", "")) for each in get.get("httpHeaders") or ())
        return HTTPGet(get.get("path") or "/", get["port"], get.get("scheme") or "HTTP", get.get("host") or "", headers)
    return None


def port_number(container: ContainerSpec, port: int | str) -> int | None:
    """Return the number of a probe's or hook's port, given by number or by the name of a container port."""
    if isinstance(port, int):
        return port
    named = next((each.container_port for each in container.ports if each.name == port), None)
    return int(port) if named is None and port.isdecimal() else named

"""As which user a container runs, and what that may do: securityContext of the pod and of the container. Pure.

Follows k8s.io/kubernetes ``pkg/securitycontext`` (the container's own field counts), ``pkg/kubelet/kuberuntime``
(verifyRunAsNonRoot) and containerd's default capabilities.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.objects.parts import list_at, map_at
from kubelet.pod.environment import ConfigError
from kubelet.pod.spec import ContainerSpec, PodSpec

_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
)
"""In the order of their numbers (linux/capability.h)."""
CAPABILITIES = {name: number for number, name in enumerate(_CAPABILITIES)}
DEFAULT_CAPABILITIES = frozenset(
    CAPABILITIES[name]
    for name in (
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    )
)


SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
"""What a kubelet lets pods set without --allowed-unsafe-sysctls (pkg/kubelet/sysctl/safe_sysctls.go)."""


class Privileges(NamedTuple):
    """A container's user, groups and capabilities, as ``kubelet.spec.sandbox.Root`` has them.

    ``groups`` are its supplementary groups, the pod's fsGroup among them.
    """

    user: int
    group: int
    groups: tuple[int, ...]
    capabilities: tuple[int, ...]
    is_privileged: bool
    is_read_only: bool
    is_proc_unmasked: bool
    has_no_new_privileges: bool


def read_privileges(pod: PodSpec, container: ContainerSpec) -> Privileges:
    """Return the privileges of a container, that of root where nothing is said; ConfigError."""
    user = chosen_user(pod, container)
    if _field(pod, container, "runAsNonRoot") and user == 0:
        text = f'container\'s runAsUser breaks non-root policy (pod: "{pod.label}", container: {container.name})'
        raise ConfigError(text)
    own = container.security
    is_privileged = bool(own.get("privileged"))
    fs_group = pod.security.get("fsGroup")
    return Privileges(
        user=user or 0,
        group=_field(pod, container, "runAsGroup") or 0,
        groups=(*list_at(pod.security, "supplementalGroups"), *(() if fs_group is None else (fs_group,))),
        capabilities=tuple(sorted(CAPABILITIES.values() if is_privileged else _capabilities(container))),
        is_privileged=is_privileged,
        is_read_only=bool(own.get("readOnlyRootFilesystem")),
        is_proc_unmasked=own.get("procMount") == "Unmasked",
        has_no_new_privileges=own.get("allowPrivilegeEscalation") is False,
    )


def chosen_user(pod: PodSpec, container: ContainerSpec) -> int | None:
    """Return the user that the pod or the container asks for, None if neither does."""
    user: int | None = _field(pod, container, "runAsUser")
    return user


def verify_user(pod: PodSpec, container: ContainerSpec, user: str) -> None:
    """Raise ConfigError if the USER of its image may be root, and the container may not; "" is no such image."""
    if not user or not _field(pod, container, "runAsNonRoot") or chosen_user(pod, container) is not None:
        return
    where = f'(pod: "{pod.label}", container: {container.name})'
    if not user.isdigit():
        text = f"image has non-numeric user ({user}), cannot verify user is non-root"
        raise ConfigError(f"container has runAsNonRoot and {text} {where}")
    if int(user) == 0:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")


def read_sysctls(pod: PodSpec) -> tuple[tuple[str, str], ...]:
    """Return the pod's sysctls: names with dots, and values."""
    return tuple((each["name"].replace("/", "."), each["value"]) for each in list_at(pod.security, "sysctls"))


def sysctl_refusal(pod: PodSpec) -> str:
    """Return why a kubelet does not admit the pod, "" if it does."""
    forbidden = [name for name, _ in read_sysctls(pod) if name not in SAFE_SYSCTLS]
    return f'forbidden sysctl: "{forbidden[0]}" not allowlisted' if forbidden else ""


def _field(pod: PodSpec, container: ContainerSpec, name: str) -> Any:
    value = container.security.get(name)
    return pod.security.get(name) if value is None else value


def _capabilities(container: ContainerSpec) -> set[int]:
    """Return the numbers of its capabilities: first ALL, then the others are added and dropped."""
    changes = map_at(container.security, "capabilities")
    added = {_short(each) for each in list_at(changes, "add")}
    dropped = {_short(each) for each in list_at(changes, "drop")}
    for each in sorted((added | dropped) - {"ALL"} - CAPABILITIES.keys()):
        raise ConfigError(f'unknown capability "CAP_{each}"')
    kept = set(CAPABILITIES.values()) if "ALL" in added else set(DEFAULT_CAPABILITIES)
    if "ALL" in dropped:
        kept = set()
    kept |= {CAPABILITIES[each] for each in added - {"ALL"}}
    return kept - {CAPABILITIES[each] for each in dropped - {"ALL"}}


def _short(name: str) -> str:
    return name.upper().removeprefix("CAP_")

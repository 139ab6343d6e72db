"""A container's /proc, /sys and /dev, as runc and containerd make them (their default spec).

Each is mounted over the machine's in the mount namespace of the calling process. A machine that is itself a container
may refuse another /proc or /sys, as its own have masks: then those of the agent are left.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from kubehost.io.namespaces import MS_NODEV, MS_NOEXEC, MS_NOSUID, mount
from kubelet.sandbox.io.mounting import bind, by_descriptor, make_read_only, make_target, mount_points, mount_tmpfs

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
MASKED = ("acpi", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats")
"""What a container may not read of /proc."""
READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
"""What a container may not write of /proc."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - no temporary file: a place in each container
SHARED_MEMORY_BYTES = 64 << 20

_SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC


def mount_proc() -> None:
    """Show the processes of the caller's PID namespace alone."""
    with contextlib.suppress(PermissionError):
        mount("proc", "/proc", "proc", _SAFE)


def mount_sys(*, is_read_only: bool) -> None:
    """Show the pod's own network in /sys/class/net, and the container's control group where programs look for limits.

    Where it has none of its own, those of the machine stay there.
    """
    groups = _open_path("/sys/fs/cgroup")
    with contextlib.suppress(PermissionError):
        mount("sysfs", "/sys", "sysfs", _SAFE)
        if groups >= 0 and not _mount_own_group():
            bind(by_descriptor(groups), "/sys/fs/cgroup")
        if is_read_only:
            for each in [path for path in mount_points() if path == "/sys" or path.startswith("/sys/")]:
                make_read_only(each)
    if groups >= 0:
        os.close(groups)


def _mount_own_group() -> bool:
    """Show the root of this cgroup namespace, where version 2 has all controllers; tell whether that could be done."""
    try:
        if Path("/proc/self/cgroup").read_text() != "0::/\n":
            return False
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2", _SAFE)
    except OSError:
        return False
    return True


def mount_dev() -> None:
    """Give it the devices of every container, the terminals, and memory to share; anything may be made in it."""
    devices = {name: device for name in (*DEVICES, "pts") if (device := _open_path(f"/dev/{name}")) >= 0}
    mount_tmpfs("/dev", 1 << 20, flags=MS_NOSUID)
    for name, device in devices.items():
        make_target(f"/dev/{name}", is_folder=name == "pts")
        bind(by_descriptor(device), f"/dev/{name}")
        os.close(device)
    for name, target in LINKS.items():
        Path("/dev", name).symlink_to(target)
    for name in ("shm", "mqueue"):
        make_target(f"/dev/{name}", is_folder=True)
    mount_tmpfs(SHARED_MEMORY, SHARED_MEMORY_BYTES, 0o1777, _SAFE)
    with contextlib.suppress(OSError):  # a kernel may be built without
        mount("mqueue", "/dev/mqueue", "mqueue", _SAFE)


def mask_proc() -> None:
    """Hide what tells about the whole machine, and protect its settings."""
    for path in (f"/proc/{each}" for each in READ_ONLY):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            bind(path, path)
            make_read_only(path)
    for path in (f"/proc/{each}" for each in MASKED):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if Path(path).is_dir():
                mount_tmpfs(path, 4096)
                make_read_only(path)
            else:
                bind("/dev/null", path)


def _open_path(path: str) -> int:
    """Return a descriptor of a file or folder, -1 if there is none."""
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1

"""Reads the facts of this machine that Node objects show."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from kubelet.nodes import Machine

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
"""Go's names of architectures, by uname's."""


def read_machine() -> Machine:
    """Return the facts; one that cannot be read has its default."""
    kernel = os.uname()
    return Machine(
        os_image=_os_image(),
        kernel_version=kernel.release,
        architecture=ARCHITECTURES.get(kernel.machine, kernel.machine),
        machine_id=_read("/etc/machine-id"),
        cpus=os.cpu_count() or 1,
        memory_kib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024,
    )


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""

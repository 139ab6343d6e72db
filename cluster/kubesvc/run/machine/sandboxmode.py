"""Whether pods of a cluster have namespaces of their own, and why; pure but for ``find_mode``, which asks the machine.

What decides, in this order: ``--sandbox``, ``sandbox:`` of the configuration, what the cluster had at its last start,
the default. A cluster of the exact plan cannot be without: its addresses exist only in a network namespace.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kubehost.io.allowance import Refusal

AUTO, NAMESPACES, NONE = "auto", "namespaces", "none"
DEFAULT = AUTO
"""What a cluster has that nobody has decided for."""

_LIMITS = ("user", "net", "mnt", "pid", "uts", "ipc")
_APPARMOR = "kernel.apparmor_restrict_unprivileged_userns"
_CLONE = "kernel.unprivileged_userns_clone"
SWITCHES = (*(f"user.max_{each}_namespaces" for each in _LIMITS), _APPARMOR, _CLONE)
"""The sysctls that can forbid namespaces."""


class SandboxError(ValueError):
    """The cluster cannot have the sandboxes that it needs; the text gives the reason and the remedy."""


class SandboxMode(NamedTuple):
    """``mode`` is NAMESPACES or NONE; ``why`` is a phrase, ``remedy`` a command or sentence, "" without a need."""

    mode: str = NONE
    why: str = "the default says none"
    remedy: str = ""
    is_required: bool = False
    """Whether the cluster cannot or shall not run without."""

    @property
    def has_sandboxes(self) -> bool:
        """Whether each pod has namespaces of its own."""
        return self.mode == NAMESPACES

    def document(self) -> dict[str, str]:
        """Return its part of the status document."""
        return {"mode": self.mode, "why": self.why, "remedy": self.remedy}


NO_SANDBOXES = SandboxMode()


class Wish(NamedTuple):
    """Which mode is wanted (AUTO, NAMESPACES or NONE), and whose wish that is."""

    mode: str
    source: str

    @classmethod
    def of(cls, option: str | None, configured: str, kept: str) -> Wish:
        """Return the first wish of those that were given: the option, the configuration, the last start."""
        given = (
            (option, "--sandbox"),
            (configured, "the configuration's `sandbox:`"),
            (kept, "`--sandbox` of an earlier start"),
        )
        return next((cls(mode, source) for mode, source in given if mode), cls(DEFAULT, "the default"))


def find_mode(wish: Wish, *, is_exact: bool) -> SandboxMode:
    """Return the mode of a cluster that is to start on this machine; SandboxError."""

    def attempt() -> Refusal | None:
        # Imported here, because a cluster without sandboxes does not ask.
        from kubehost.io.allowance import try_namespaces

        return try_namespaces()

    return choose(wish, is_exact=is_exact, attempt=attempt, read=read_switches)


def choose(
    wish: Wish,
    *,
    is_exact: bool,
    attempt: Callable[[], Refusal | None],
    read: Callable[[], Mapping[str, str]],
) -> SandboxMode:
    """Return the mode; ``attempt`` tells what the machine refuses, ``read`` its switches. SandboxError."""
    if wish.mode == NONE and not (is_exact and wish.source == "the default"):
        if is_exact:
            message = (
                f"the exact plan needs sandboxes, and {wish.source} says {NONE}: its addresses exist only in a network "
                f"namespace; use --sandbox {NAMESPACES}, or leave out --exact"
            )
            raise SandboxError(message)
        return SandboxMode(NONE, f"{wish.source} says {NONE}")
    refusal = attempt()
    if refusal is None:
        source = "the exact plan needs them" if is_exact else f"{wish.source} says {wish.mode}"
        is_required = is_exact or wish.mode == NAMESPACES
        return SandboxMode(NAMESPACES, f"{source}, and this machine allows them", is_required=is_required)
    why, remedy = explain_refusal(refusal, read())
    if wish.mode == AUTO and not is_exact:
        return SandboxMode(NONE, why, remedy)
    wanted = "the exact plan needs sandboxes" if is_exact else f"{wish.source} asks for sandboxes"
    raise SandboxError(f"{wanted}, and {why}; to allow them: {remedy}")


def explain_refusal(refusal: Refusal, switches: Mapping[str, str]) -> tuple[str, str]:
    """Return why the machine refuses, and the command or sentence that allows it.

    ``switches`` are the SWITCHES that the machine has with their values, and ``Seccomp`` of /proc/self/status.
    """
    said = f"this machine refuses {refusal}"
    empty = [name for name in SWITCHES if name.startswith("user.") and switches.get(name) == "0"]
    if refusal.error == errno.ENOSPC and empty:
        remedy = f"sudo sysctl -w {' '.join(f'{name}=15000' for name in empty)}"
        return f"{said} ({', '.join(f'{name} is 0' for name in empty)})", remedy
    if remedy := _kernel_remedy(refusal):
        return said, remedy
    if refusal.error in (errno.EPERM, errno.EACCES, 0):
        if switches.get(_CLONE) == "0":
            return f"{said} ({_CLONE} is 0)", f"sudo sysctl -w {_CLONE}=1"
        if switches.get(_APPARMOR) == "1":
            return f"{said} ({_APPARMOR} is 1)", _apparmor_remedy()
        if switches.get("Seccomp") == "2":
            why = f"{said} (a seccomp filter is in force: this is a container)"
            return why, "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
    return said, "a kernel with user namespaces (CONFIG_USER_NS) that this user may make"


def _kernel_remedy(refusal: Refusal) -> str:
    """Return what the kernel lacks, "" if it is not the kernel that refuses."""
    if refusal.error == errno.EOPNOTSUPP:
        return "sudo modprobe veth"
    return "a kernel that can do so" if "Linux 5.8" in refusal.step else ""


def _apparmor_remedy() -> str:
    program = Path(sys.executable).resolve()
    profile = f"abi <abi/4.0>, profile kubesvc {program} flags=(unconfined) {{ userns, }}"
    return (
        f"echo '{profile}' | sudo tee /etc/apparmor.d/kubesvc && sudo apparmor_parser -r /etc/apparmor.d/kubesvc"
        f"   (for this Python alone; for all programs until reboot: sudo sysctl -w {_APPARMOR}=0)"
    )


def read_switches() -> dict[str, str]:
    """Return the SWITCHES of this machine with their values, those that it has, and ``Seccomp`` of this process."""
    found = {}
    for name in SWITCHES:
        try:
            found[name] = Path("/proc/sys", *name.split(".")).read_text().strip()
        except OSError:
            continue
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return found
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {**found, "Seccomp": fields.get("Seccomp", "0").strip()}

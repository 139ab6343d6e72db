"""What a container's process may do, and as which user: the last steps before it becomes its program.

As runc: the capabilities that it may ever have again are limited first, then its groups and user are taken on, and a
user other than root keeps none in effect. A user namespace that has only one user (that of an ordinary user without
subordinate ids) cannot give another: the process gets a user namespace of its own, in which its user has the wanted
number. It then has no capabilities outside of that, as a user other than root has none.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from kubehost.io.namespaces import NEWUSER, unshare
from kubelet.spec.sandbox import Root

PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 4, 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_TERMINALS = range(136, 144)
"""Major numbers of what is in /dev/pts (Documentation/admin-guide/devices.txt)."""
_LAST_CAPABILITY = 63
"""More than any kernel has: the kernel refuses those that it does not know."""

_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegeError(Exception):
    """The process cannot get its user or groups; the text says why."""


def restrict(root: Root) -> None:
    """Give the process the user, the groups and the capabilities of ``root``; PrivilegeError."""
    if not root.is_privileged:
        _limit(root.capabilities)
    if _take_user(root) and not root.is_privileged:
        _limit(root.capabilities)  # a new user namespace has all
    if not root.is_privileged and root.user == 0:
        _set_capabilities(root.capabilities)
    # A new user is not dumpable until it executes a program, which a built-in server never does: without this line the
    # agent could not enter its namespaces (ptrace(2), PTRACE_MODE_READ).
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    if root.has_no_new_privileges:
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(kept: Iterable[int]) -> None:
    """Take all other capabilities from the bounding set, so that no program that it starts gets them."""
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in set(range(_LAST_CAPABILITY + 1)) - set(kept):
        _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)


def _set_capabilities(kept: Iterable[int]) -> None:
    """Set what is permitted and in effect, which counts for a built-in server; a program gets the bounding set."""
    mask = sum(1 << each for each in set(kept) & _permitted())
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, struct.pack("6I", low, low, 0, high, high, 0)) < 0:
        raise PrivilegeError(f"unable to apply caps: {os.strerror(ctypes.get_errno()).lower()}")


def _permitted() -> set[int]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            mask = int(line.split()[1], 16)
            return {number for number in range(_LAST_CAPABILITY + 1) if mask >> number & 1}
    return set()


def _take_user(root: Root) -> bool:
    """Take on the user and the groups; return whether that took a user namespace."""
    # A namespace whose maps an ordinary user wrote knows no supplementary groups: those stay what they are.
    with contextlib.suppress(OSError):
        os.setgroups(root.groups)
    if root.user:
        _own_streams(root.user)
    try:
        os.setresgid(root.group, root.group, root.group)
        os.setresuid(root.user, root.user, root.user)
    except OSError:
        _rename_user(root.user, root.group)
        return True
    return False


def _own_streams(user: int) -> None:
    """Give the user its pipes or terminal: it could not open /dev/stdout otherwise (runc's fixStdioPermissions)."""
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            status = os.fstat(descriptor)
            is_terminal = stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) in _TERMINALS
            if is_terminal or stat.S_ISFIFO(status.st_mode):
                os.fchown(descriptor, user, -1)


def _rename_user(user: int, group: int) -> None:
    """Show the process its one user and group under other numbers."""
    own_user, own_group = os.geteuid(), os.getegid()
    try:
        unshare(NEWUSER)
    except OSError as error:
        raise PrivilegeError(f"unable to run as user {user} and group {group}: no user namespace: {error}") from error
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {own_user} 1"),
        ("gid_map", f"{group} {own_group} 1"),
    ):
        Path("/proc/self", name).write_text(text)

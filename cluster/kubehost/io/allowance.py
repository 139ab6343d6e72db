"""Whether this machine lets this user make namespaces: tried by a child process, which takes about 2 ms.

What a sandbox needs is done once in the order of the real thing, so that the first refusal is its refusal: Ubuntu's
AppArmor rule allows the user namespace itself and refuses what is done in it.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from kubehost.io.namespaces import (
    MS_PRIVATE,
    MS_REC,
    NEWIPC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    NEWUTS,
    mount,
    set_hostname,
    setns,
    unshare,
)
from kubehost.io.netlink import NetlinkSocket
from kubehost.io.rtnetlink import LOOPBACK_INDEX, VethEnd, link_up, new_veth

_ANSWER = struct.Struct("ii")


class Refusal(NamedTuple):
    """What this user may not do: one of STEPS, and the errno, 0 if the child died of it."""

    step: str
    error: int

    def __str__(self) -> str:
        return f"{self.step}: {os.strerror(self.error) if self.error else 'the process was killed'}"


STEPS = (
    "making user, network, mount, PID, UTS and IPC namespaces",
    "mapping this user's id into a user namespace",
    "changing mounts in a mount namespace",
    "setting the host name of a UTS namespace",
    "entering a namespace by a pidfd, as Linux 5.8 and later can",
    "making a veth in a network namespace",
)


def try_namespaces() -> Refusal | None:
    """Make one of each namespace that a sandbox needs, in a child that ends at once; None if all is allowed. OSError.

    The child makes system calls alone, so that it does not matter whether this process has threads.
    """
    answer = ask_child(_attempt)
    if len(answer) != _ANSWER.size:
        return Refusal(STEPS[0], 0)
    step, error = _ANSWER.unpack(answer)
    return Refusal(STEPS[step], error) if step >= 0 else None


def ask_child(attempt: Callable[[], bytes]) -> bytes:
    """Return what ``attempt`` answers in a child, which ends then; less if the child is killed. OSError."""
    hearing, telling = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork beside threads
        child = os.fork()
    if child == 0:
        try:
            os.write(telling, attempt())
        finally:
            os._exit(0)
    os.close(telling)
    with os.fdopen(hearing, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def enter_new_namespaces() -> Iterator[None]:
    """Move this process into new namespaces, one of STEPS at a time; OSError at the first that is refused."""
    user, group = os.geteuid(), os.getegid()
    unshare(NEWUSER | NEWNET | NEWNS | NEWPID | NEWUTS | NEWIPC)
    yield
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    yield
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    yield
    set_hostname("pod")
    yield
    own = os.pidfd_open(os.getpid())
    try:
        setns(own, NEWUTS)
    finally:
        os.close(own)
    yield
    with NetlinkSocket() as netlink, Path("/proc/self/ns/net").open("rb") as here:
        ends = VethEnd("probe0", 2, b"\2probe"), VethEnd("probe1", 3, b"\2PROBE")
        netlink.request([link_up(LOOPBACK_INDEX), new_veth(*ends, here.fileno())])


def _attempt() -> bytes:
    done = 0
    try:
        for _ in enter_new_namespaces():
            done += 1
    except OSError as error:
        return _ANSWER.pack(done, error.errno or 0)
    return _ANSWER.pack(-1, 0)

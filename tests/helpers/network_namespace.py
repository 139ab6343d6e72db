"""Networks of the tests' own: every address and port is free there, whatever else this machine runs.

A network namespace belongs to a thread and to whatever that starts. Root may make one; an ordinary user may in a user
namespace of his own, where the system has them. What needs to be known is in namespaces(7), user_namespaces(7) and
capabilities(7). This file can be run as a program, which tells by its exit status whether this user may have one.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
"""linux/sched.h."""
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21
_CAPABILITY_VERSION_3 = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)


@functools.cache
def may_have_own_network() -> bool:
    """Tell whether this user may make networks: tried in a process of its own, since there is no way back."""
    return subprocess.run([sys.executable, "-S", __file__], stderr=subprocess.DEVNULL, check=False).returncode == 0


def enter_own_network() -> None:
    """Leave the machine's network for a new one with loopback and nothing else; OSError where that may not be.

    The calling thread, its later threads and its later processes are there for good.
    """
    is_ordinary = _LIBC.unshare(_CLONE_NEWNET) != 0
    if is_ordinary:
        _enter_user_namespace(_CLONE_NEWNET)
    _raise_loopback()
    if os.geteuid():  # an ordinary user is to stay one: a user namespace's maker can do all in it
        _set_capabilities(())


def left_in_network() -> frozenset[str]:
    """Return the addresses, routes and links of this network, as lines of /proc."""
    trie = {" ".join(line.split()) for line in _read_proc("fib_trie") if "+--" not in line}
    addresses = {line.split()[0] for line in _read_proc("if_inet6")}
    links = {line.partition(":")[0].strip() for line in _read_proc("dev")[2:]}
    return frozenset(trie | addresses | links)


def _read_proc(name: str) -> list[str]:
    file = Path("/proc/net", name)
    return file.read_text().splitlines() if file.exists() else []


def let_children_have_own_networks() -> None:
    """Have the processes that are started from now on succeed with `enter_own_network`; root's do anyhow."""
    if os.geteuid():
        _enter_user_namespace(0)
        _set_capabilities((_CAP_NET_ADMIN, _CAP_SYS_ADMIN))


def _enter_user_namespace(and_more: int) -> None:
    user, group = os.geteuid(), os.getegid()
    _succeed(_LIBC.unshare(_CLONE_NEWUSER | and_more), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def _set_capabilities(numbers: Sequence[int]) -> None:
    """Have this thread, and the programs that it executes, keep these capabilities alone."""
    bits = sum(1 << number for number in numbers)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _succeed(_LIBC.capset(header, struct.pack("6I", bits, bits, bits, 0, 0, 0)), "capset")
    for number in numbers:
        _succeed(_LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0), "prctl")


def _succeed(result: int, call: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), call)


@contextmanager
def own_network(local_routes: Sequence[str]) -> Iterator[bool]:
    """Have a network with nothing but loopback and ``local_routes``; False where that may not be, with the machine's.

    Only root may: an ordinary user's tests then assert what a machine without set-up does.
    Sockets, threads and processes that are made meanwhile are in it and have to end with it.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if _LIBC.unshare(_CLONE_NEWNET):
            yield False
            return
        try:
            _raise_loopback()
            for route in local_routes:
                subprocess.run(["ip", "-6", "route", "add", "local", route, "dev", "lo"], check=True)
            yield True
        finally:
            _succeed(_LIBC.setns(before, _CLONE_NEWNET), "setns")
    finally:
        os.close(before)


if __name__ == "__main__":
    enter_own_network()

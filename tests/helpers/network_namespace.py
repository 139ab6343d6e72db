"""A network of a test's own, where it may add routes: for a machine that root has prepared for IPv6.

A network namespace belongs to a thread and whatever it starts. Only root, or whoever may make user namespaces, can
have one; anybody else stays where he is, and the tests then assert what a machine without set-up does.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000
"""linux/sched.h."""
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def own_network(local_routes: Sequence[str]) -> Iterator[bool]:
    """Have a network with nothing but loopback and ``local_routes``; False where that may not be, with the machine's.

    Sockets, threads and processes that are made meanwhile are in it and have to end with it.
    """
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        if _LIBC.unshare(_CLONE_NEWNET):
            yield False
            return
        try:
            _ip("link", "set", "lo", "up")
            for route in local_routes:
                _ip("-6", "route", "add", "local", route, "dev", "lo")
            yield True
        finally:
            if _LIBC.setns(before, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(before)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)

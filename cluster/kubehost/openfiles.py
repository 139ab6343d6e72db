"""How many files this process may have open, and how they are shared out.

Every address of a Service is an open file, every connection is two. A user may raise the limit up to the hard one,
root beyond it (setrlimit(2)). What is kept back for the cluster itself, clients cannot take, as with HAProxy's maxconn.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource

ENOUGH = 1_048_576
"""Open files for half a million connections; the kernel's default of fs.nr_open."""

SPARE = 1024
"""Files that addresses of Services never take (connections need some), or a quarter of them all if that is less."""

KEPT = 50
"""Files that clients never take, or a quarter of them all if that is less: for the API, status, health and log."""

TABLE = 65536
"""Entries of 8 bytes in the kernel's table of a process' files: enough for one person's machine."""


def raise_limit() -> None:
    """Raise the limit as far as this user may, up to ENOUGH; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_at_least(soft, ENOUGH):
        return
    for wanted, limit in ((ENOUGH, hard if _is_at_least(hard, ENOUGH) else ENOUGH), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limit))
        except (OSError, ValueError):  # only root raises the hard limit, and only up to fs.nr_open
            continue
        return


def grow_table() -> None:
    """Grow the kernel's table of this process' files to its limit, up to TABLE; to be called before threads start.

    The table doubles when it is full, and in a process with threads each time waits for all processors (fs/file.c,
    expand_fdtable): connections waited 7 to 35 ms for the sockets 64, 128 and 256.
    """
    with contextlib.suppress(OSError):  # it grows later then
        os.close(fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, min(limit(), TABLE) - 1))


def limit() -> int:
    """Return how many files this process may have open now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def room(files: int) -> int:
    """Return how many of ``files`` may be addresses of Services."""
    return files - min(SPARE, files // 4)


def client_ceiling(files: int) -> int:
    """Return the first file descriptor that clients may not have, of ``files``.

    The kernel gives the lowest free number, so the number of a new socket shows how many files are open.
    """
    return files - min(KEPT, files // 4)


def shortage(addresses: int, files: int) -> str:
    """Return a warning if ``files`` are too few for that many addresses of Services, "" if they are enough."""
    if addresses <= room(files):
        return ""
    return (
        f"{files:,} open files are too few for the {addresses:,} addresses of Services, each of which is one, and for "
        "connections, which are two: some addresses cannot be bound, and clients are refused; raise the hard limit "
        "(`ulimit -Hn`, or LimitNOFILE= of a systemd unit) and start again"
    )


def client_shortage() -> str:
    """Return the warning for clients that wait because others have all the files that clients may have."""
    return (
        f"clients have taken all of the {limit():,} open files but those that are kept for the cluster itself: new "
        "ones wait until others have gone; raise the hard limit (`ulimit -Hn`, or LimitNOFILE= of a systemd unit) and "
        "start again"
    )


def _is_at_least(files: int, wanted: int) -> bool:
    return files == resource.RLIM_INFINITY or files >= wanted

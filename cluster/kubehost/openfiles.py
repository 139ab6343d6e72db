"""How many files the cluster may have open, and what it says when that cannot be enough.

Every address that a Service answers at is an open file, every connection is two. The limit is the user's to raise up to
the hard one, and root's beyond it (setrlimit(2)).
"""

from __future__ import annotations

import resource

ENOUGH = 1_048_576
"""Open files that are enough for anybody (half a million connections); the kernel's default of fs.nr_open."""

SPARE = 1024
"""Left over for connections and for the cluster's own doors, or a quarter of them all if that is less."""


def raise_limit() -> None:
    """Take the open files that this user may have: the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_at_least(soft, ENOUGH):
        return
    for wanted, limit in ((ENOUGH, hard if _is_at_least(hard, ENOUGH) else ENOUGH), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limit))
        except (OSError, ValueError):  # only root raises the hard limit, and fs.nr_open is the end of it
            continue
        return


def limit() -> int:
    """Return how many files this process may have open now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def room(files: int) -> int:
    """Return how many of ``files`` may be addresses of Services."""
    return files - min(SPARE, files // 4)


def shortage(addresses: int, files: int) -> str:
    """Return what the user should know when ``files`` are too few for that many addresses, "" if they are enough."""
    if addresses <= room(files):
        return ""
    return (
        f"{files:,} open files are too few for the {addresses:,} addresses of Services, each of which is one, and for "
        "connections, which are two: some addresses cannot be bound, and clients are refused; raise the hard limit "
        "(`ulimit -Hn`, or LimitNOFILE= of a systemd unit) and start again"
    )


def _is_at_least(files: int, wanted: int) -> bool:
    return files == resource.RLIM_INFINITY or files >= wanted

"""`kubesvc up`: reads the manifests, starts the cluster, says where everything answers, and waits for its end.

Nothing is started before every document has been found good. A detached cluster is a child of this process, which
prints what the child prints until it is ready.
"""

from __future__ import annotations

import os
import resource
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence

from kubesvc.manifests import Fault
from kubesvc.prepare import Prepared, prepare
from kubesvc.session import EXIT_BAD_INPUT, EXIT_FAILED, Console, Order, Session
from kubesvc.state import AlreadyRunningError

OPEN_FILES = 1_048_576
"""Open files that are enough for anybody (half a million connections); systemd's own default hard limit."""


def run_up(order: Order) -> int:
    """Do it, and return the exit status."""
    if order.is_detached:
        return _detach(order)
    return _serve(order, Console(sys.stdout, sys.stderr), lambda _status: None)


def _detach(order: Order) -> int:
    """Fork: the child is the cluster; the parent returns what the child says once it is ready, or fails to be."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read(1)
        return said[0] if said else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(reading)
    os._exit(_serve_detached(order, writing))


def _serve_detached(order: Order, writing: int) -> int:
    """Be the cluster, in a session of its own. Whatever it starts must not hold the caller's stdout and stderr."""
    os.setsid()
    order.state.make()
    out, err = os.dup(1), os.dup(2)
    log = os.open(order.state.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    console = Console(os.fdopen(out, "w", closefd=False), os.fdopen(err, "w", closefd=False))

    def tell_parent(status: int) -> None:
        os.dup2(log, out, inheritable=False)
        os.dup2(log, err, inheritable=False)
        os.write(writing, bytes([status]))
        os.close(writing)

    try:
        return _serve(order, console, tell_parent)
    except BaseException:
        traceback.print_exc()
        console.warn(f"kubesvc: internal error; its details are in {order.state.log}")
        return EXIT_FAILED


def _serve(order: Order, console: Console, tell_parent: Callable[[int], None]) -> int:
    """Read everything, take the lock, run the cluster to its end."""
    prepared = prepare(order.paths, sys.stdin)
    console.warn(*(f"Warning: {warning}" for warning in prepared.warnings))
    if prepared.faults:
        console.warn(*map(str, prepared.faults), f"kubesvc: {_count(prepared.faults)} found, nothing was started")
        return EXIT_BAD_INPUT
    try:
        lock = order.state.acquire()
    except AlreadyRunningError as error:
        console.warn(f"kubesvc: {error}")
        return EXIT_FAILED
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        return _run(order, console, tell_parent, prepared)
    finally:
        os.close(lock)


def _count(faults: Sequence[Fault]) -> str:
    return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"


def _run(order: Order, console: Console, tell_parent: Callable[[int], None], prepared: Prepared) -> int:
    import uvloop

    from kubelet.orphans import kill_orphans, marker
    from kubesvc.cluster import Cluster, StartError

    _raise_open_files()
    if left := kill_orphans(marker(order.state.name, order.state.path)):
        console.warn(f"kubesvc: ended {len(left)} processes that a crash had left")

    async def session() -> int:
        cluster = Cluster(prepared.configuration, order.state, prepared.registry)
        return await Session(order, console, tell_parent, cluster, prepared.loaded).run()

    try:
        return uvloop.run(session())
    except* StartError as group:
        console.warn(*(f"kubesvc: {error}" for error in _leaves(group)))
    return EXIT_FAILED


def _raise_open_files() -> None:
    """Take the open files that this user may have: a connection needs two, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error

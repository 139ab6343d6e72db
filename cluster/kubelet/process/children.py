"""The zygote's children as the kubelet waits for them, and what becomes of them when the zygote is lost."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Set
from typing import Any, NamedTuple, Protocol

from kubelet.process.agentprocess import Starter
from kubelet.process.orphans import kill_sessions
from kubelet.process.protocol import CONTAINER_MARK
from kubelet.spec.process import Exit, ProcessSpec, StartError
from kubelet.spec.sandbox import Root

ZYGOTE_EXIT_SECONDS = 10.0
DEATH_CHECKS = 200
"""How often to look, each 10 ms, whether killed processes are gone and their ports are free again."""
LOST = "the process starter was lost"


class Streams(Protocol):
    """The owner of the other ends of a process's stdin, stdout and stderr."""

    def open(self) -> tuple[int, ...]:
        """Return the three descriptors for the process; the caller closes them."""
        ...

    def drain(self) -> None:
        """Take what is left in the pipes, then close them: the process has ended."""
        ...


class Child(NamedTuple):
    """A process that was asked for: its pid, its end, and its streams."""

    started: asyncio.Future[int]
    exited: asyncio.Future[Exit]
    streams: Streams


async def reap(zygote: Starter, lost: list[Child], sessions: Set[int]) -> None:
    """Report a zygote's processes as lost, once it is gone and nothing of theirs is left."""
    try:
        async with asyncio.timeout(ZYGOTE_EXIT_SECONDS):
            await zygote.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            zygote.kill()
        await zygote.wait()
    for _ in range(DEATH_CHECKS):
        if not kill_sessions(sessions):
            break
        await asyncio.sleep(0.01)
    for child in lost:
        child.streams.drain()
        if not child.started.done():
            child.started.set_exception(StartError(LOST))
            child.started.exception()  # read, so that asyncio does not complain if its caller was cancelled
        if not child.exited.done():
            child.exited.set_result(Exit(137, int(signal.SIGKILL), is_lost=True))


def start_message(identity: str, spec: ProcessSpec, marker: Mapping[str, str]) -> dict[str, Any]:
    """Return the message that asks for a process."""
    return {
        "op": "start",
        "id": identity,
        "argv": list(spec.argv),
        "env": {**spec.environment, **marker, CONTAINER_MARK: spec.container or identity},
        "tty": spec.is_tty,
        "is_command": bool(spec.container),
        "container": spec.container,
        "sandbox": spec.sandbox,
        "processes_of": spec.container or spec.processes_of,
        "root": (spec.root or Root())._asdict() if spec.sandbox else None,
        "cwd": spec.working_dir,
        "cgroup": spec.cgroup,
        "builtin": spec.builtin._asdict() if spec.builtin is not None else None,
        "address": spec.address,
        "title": spec.title,
    }

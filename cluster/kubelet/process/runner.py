"""Running processes through the zygote: start, signals and ends, on the event loop.

It decides nothing. ``ProcessRunner`` also serves any caller that wants a plain process which ends with this one.
Nothing here forks: the one child is the zygote. When it is lost, its containers are reported as killed, and the next
start brings up a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kubelet.process.channel import ZygoteChannel
from kubelet.process.orphans import kill_sessions
from kubelet.process.output import OutputSink, OutputStreams, discard
from kubelet.process.protocol import CONTAINER_MARK
from kubelet.process.spec import Exit, ProcessSpec, StartError

ZYGOTE_EXIT_SECONDS = 10.0
DEATH_CHECKS = 200
"""How often to look, each 10 ms, whether killed processes are gone and their ports are free again."""
SOURCE_ROOT = str(Path(__file__).resolve().parents[2])


class RunningProcess:
    """A process that was started. Any number of tasks may ``wait``; its output is complete when they return."""

    def __init__(self, runner: ProcessRunner, identity: str, pid: int, exit_future: asyncio.Future[Exit]) -> None:
        self.pid = pid
        self.identity = identity
        self._runner = runner
        self._exit = exit_future

    @property
    def has_exited(self) -> bool:
        """Whether it has ended."""
        return self._exit.done()

    async def wait(self) -> Exit:
        """Return how it ended, once it has."""
        return await asyncio.shield(self._exit)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; SIGKILL goes to everything that the process has started too. Late signals are ignored."""
        if not self._exit.done():
            self._runner.signal(self.identity, number)


class Streams(Protocol):
    """The owner of the other ends of a process's stdin, stdout and stderr."""

    def open(self) -> tuple[int, ...]:
        """Return the three descriptors for the process; the caller closes them."""
        ...

    def drain(self) -> None:
        """Take what is left in the pipes, then close them: the process has ended."""
        ...


class _Child(NamedTuple):
    started: asyncio.Future[int]
    exited: asyncio.Future[Exit]
    streams: Streams


class ProcessRunner:
    """Starts processes that live no longer than this one. ``marker`` is in the environment of each."""

    def __init__(self, marker: Mapping[str, str]) -> None:
        self._marker = dict(marker)
        self._children: dict[str, _Child] = {}
        self._pids: dict[str, int] = {}
        self._channel: ZygoteChannel | None = None
        self._zygote: asyncio.subprocess.Process | None = None
        self._reapers: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._serial = 0

    async def open(self) -> None:
        """Bring up the zygote, unless it runs; it warms up while the caller goes on. OSError if it cannot."""
        async with self._opening:
            if self._channel is None:
                await self._start_zygote()

    async def _start_zygote(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._zygote = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-S", "-s", "-m", "kubelet.process.zygote", str(theirs.fileno())),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": SOURCE_ROOT, **self._marker},
                    start_new_session=True,  # Ctrl-C in the user's terminal is for the kubelet alone
                )
        except BaseException:
            ours.close()
            raise
        self._channel = ZygoteChannel(ours, self._on_message, self._lose_zygote)

    async def start(
        self, spec: ProcessSpec, output: OutputSink = discard, *, streams: Streams | None = None
    ) -> RunningProcess:
        """Start a process; returns when it runs (a built-in: when it listens). Raises StartError or OSError.

        Its output goes to ``output``, or to ``streams``. Cancelled, it leaves nothing running.
        """
        if not spec.argv and spec.builtin is None:
            raise StartError("no command specified")
        await self.open()
        assert self._channel is not None
        loop = asyncio.get_running_loop()
        self._serial += 1
        identity = f"{os.getpid()}-{self._serial}"
        child = _Child(loop.create_future(), loop.create_future(), streams or OutputStreams(output))
        self._children[identity] = child
        is_asked_for = False
        try:
            self._channel.send(_start_message(identity, spec, self._marker), child.streams.open())
            is_asked_for = True
            pid = await child.started
        except BaseException:
            self.signal(identity, signal.SIGKILL)
            if child.started.done() or not is_asked_for:
                self._forget(identity)  # otherwise the zygote still answers
            raise
        self._pids[identity] = pid
        return RunningProcess(self, identity, pid, child.exited)

    def signal(self, identity: str, number: int) -> None:
        """Signal a process by the identity it was started with."""
        if self._channel is not None:
            self._channel.send({"op": "kill", "id": identity, "signal": int(number)})

    async def close(self) -> None:
        """Kill what still runs, and wait until the zygote has exited."""
        self._lose_zygote()
        if self._reapers:
            await asyncio.wait(self._reapers, timeout=ZYGOTE_EXIT_SECONDS)

    def _on_message(self, message: dict[str, Any]) -> None:
        child = self._children.get(message["id"])
        if child is None:
            return
        match message["op"]:
            case "started" if not child.started.done():
                child.started.set_result(message["pid"])
            case "failed":
                if not child.started.done():
                    child.started.set_exception(StartError(message["message"]))
                self._forget(message["id"])
            case "exited":
                self._forget(message["id"])
                child.exited.set_result(Exit(message["code"], message["signal"]))

    def _forget(self, identity: str) -> None:
        child = self._children.pop(identity, None)
        self._pids.pop(identity, None)
        if child is not None:
            child.streams.drain()

    def _lose_zygote(self) -> None:
        """Close the channel, upon which a living zygote ends everything; kill what a dead one left behind."""
        channel, zygote, self._channel, self._zygote = self._channel, self._zygote, None, None
        if channel is None or zygote is None:
            return
        channel.close()
        lost, sessions = list(self._children.values()), set(self._pids.values())
        self._children, self._pids = {}, {}
        reaper = asyncio.get_running_loop().create_task(_reap(zygote, lost, sessions), name="zygote-reaper")
        self._reapers.add(reaper)
        reaper.add_done_callback(self._reapers.discard)


async def _reap(zygote: asyncio.subprocess.Process, lost: list[_Child], sessions: set[int]) -> None:
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
            child.started.set_exception(StartError("the process starter was lost"))
            child.started.exception()  # read, so that asyncio does not complain if its caller was cancelled
        if not child.exited.done():
            child.exited.set_result(Exit(137, int(signal.SIGKILL), is_lost=True))


def _start_message(identity: str, spec: ProcessSpec, marker: Mapping[str, str]) -> dict[str, Any]:
    return {
        "op": "start",
        "id": identity,
        "argv": list(spec.argv),
        "env": {**spec.environment, **marker, CONTAINER_MARK: spec.container or identity},
        "tty": spec.is_tty,
        "is_command": bool(spec.container),
        "cwd": spec.working_dir,
        "builtin": spec.builtin._asdict() if spec.builtin is not None else None,
        "address": spec.address,
        "title": spec.title,
    }

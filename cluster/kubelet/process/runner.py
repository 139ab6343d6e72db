"""Running processes through the zygote: start, output, signals and ends, on the event loop.

It decides nothing. ``ProcessRunner`` also serves whoever wants a plain process that dies with this one. Nothing here
forks: the one child is the zygote, and when it is lost its containers are reported as killed and the next start brings
a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kubelet.process.orphans import kill_sessions
from kubelet.process.protocol import ATTACHED, CONTAINER_MARK, MAX_MESSAGE, MAX_PACKET
from kubelet.process.spec import Exit, ProcessSpec, StartError
from kubelet.process.streams import Input, open_ends

__all__ = ["Exit", "OutputSink", "ProcessRunner", "ProcessSpec", "RunningProcess", "StartError", "discard"]

READ_SIZE = 64 * 1024
ZYGOTE_EXIT_SECONDS = 10.0
DEATH_CHECKS = 200
"""How often to look, each 10 ms, whether killed processes are gone and their ports are free again."""
FLOOD_PAUSE = 0.02
"""Seconds for which a stream is left alone that has filled its pipe: who floods its log waits, not the cluster."""
SOURCE_ROOT = str(Path(__file__).resolve().parents[2])

OutputSink = Callable[[str, bytes], None]
"""Is given ``stdout`` or ``stderr`` and some bytes; must not block or raise."""


def discard(_stream: str, _chunk: bytes) -> None:
    """Be the sink of output that nobody wants."""


class RunningProcess:
    """A process that was started. ``wait`` may be called by several; the output is complete when it returns."""

    def __init__(self, runner: ProcessRunner, identity: str, pid: int, exit_future: asyncio.Future[Exit]) -> None:
        self.pid = pid
        self.identity = identity
        self._runner = runner
        self._exit = exit_future

    @property
    def has_exited(self) -> bool:
        """Whether it is gone."""
        return self._exit.done()

    async def wait(self) -> Exit:
        """Return how it ended, once it has."""
        return await asyncio.shield(self._exit)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; SIGKILL goes to everything that the process has started too. Late signals are ignored."""
        if not self._exit.done():
            self._runner.signal(self.identity, number)


class Streams(Protocol):
    """Who has the other ends of a process's stdin, stdout and stderr."""

    def open(self) -> tuple[int, ...]:
        """Return the three descriptors for the process; the caller closes them."""
        ...

    def drain(self) -> None:
        """Take what is left in the pipes, then close them: the process has ended."""
        ...


class OutputStreams:
    """Gives a process's output to a sink as it comes; ``stdin`` is there while it runs, if it was asked for."""

    def __init__(self, sink: OutputSink, *, has_stdin: bool = False, is_tty: bool = False) -> None:
        self.stdin: Input | None = None
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._has_stdin = has_stdin
        self._is_tty = is_tty
        self._open: dict[int, str] = {}

    def open(self) -> tuple[int, ...]:
        """Begin to read; return the process's ends, which the caller closes."""
        ends = open_ends(has_stdin=self._has_stdin, is_tty=self._is_tty)
        self._open = ends.outputs
        for reader in self._open:
            self._loop.add_reader(reader, self._read, reader)
        if ends.stdin is not None:
            self.stdin = Input(ends.stdin, is_tty=self._is_tty)
        return ends.theirs

    def _read(self, descriptor: int) -> bool:
        stream = self._open.get(descriptor)
        if stream is None:
            return False
        try:
            chunk = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if chunk:
            self._sink(stream, chunk)
            if len(chunk) == READ_SIZE:
                self._pause(descriptor)
            return True
        self._close(descriptor)
        return False

    def _pause(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._loop.call_later(FLOOD_PAUSE, self._resume, descriptor, self._open[descriptor])

    def _resume(self, descriptor: int, stream: str) -> None:
        if self._open.get(descriptor) is stream:
            self._loop.add_reader(descriptor, self._read, descriptor)

    def drain(self) -> None:
        """Take what is left in the pipes, then close them."""
        for descriptor in list(self._open):
            while self._read(descriptor):
                pass
            self._close(descriptor)
        if self.stdin is not None:
            self.stdin.close()

    def _close(self, descriptor: int) -> None:
        if self._open.pop(descriptor, None) is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)


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
        self._control: socket.socket | None = None
        self._zygote: asyncio.subprocess.Process | None = None
        self._reapers: set[asyncio.Task[None]] = set()
        self._outbox: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._opening = asyncio.Lock()
        self._serial = 0

    async def open(self) -> None:
        """Bring up the zygote, unless it is there; it warms up while the caller goes on. OSError if it cannot."""
        async with self._opening:
            if self._control is None:
                await self._spawn()

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._zygote = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-S", "-s", "-m", "kubelet.process.zygote", str(theirs.fileno())),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": SOURCE_ROOT, **self._marker},
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._read_control)

    async def start(
        self, spec: ProcessSpec, output: OutputSink = discard, *, streams: Streams | None = None
    ) -> RunningProcess:
        """Start a process; returns when it runs (a built-in: when it listens). Raises StartError or OSError.

        Its output goes to ``output``, or to ``streams``. Cancelled, it leaves nothing running.
        """
        if not spec.argv and spec.builtin is None:
            raise StartError("no command specified")
        await self.open()
        loop = asyncio.get_running_loop()
        self._serial += 1
        identity = f"{os.getpid()}-{self._serial}"
        child = _Child(loop.create_future(), loop.create_future(), streams or OutputStreams(output))
        self._children[identity] = child
        writers: tuple[int, ...] = ()
        try:
            writers = child.streams.open()
            self._send(_start_message(identity, spec, self._marker), writers)
            pid = await child.started
        except BaseException:
            self.signal(identity, signal.SIGKILL)
            if child.started.done() or not writers:
                self._forget(identity)
            raise
        self._pids[identity] = pid
        return RunningProcess(self, identity, pid, child.exited)

    def signal(self, identity: str, number: int) -> None:
        """Signal a process by the identity it was started with."""
        if self._control is not None:
            self._send({"op": "kill", "id": identity, "signal": int(number)}, ())

    async def close(self) -> None:
        """Kill whatever still runs and wait until the zygote is gone."""
        self._lose_zygote()
        if self._reapers:
            await asyncio.wait(self._reapers, timeout=ZYGOTE_EXIT_SECONDS)

    def _send(self, message: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        """Send at once or queue; the descriptors are closed when they have been sent."""
        packet = json.dumps(message).encode()
        if len(packet) > MAX_MESSAGE:
            self._close_all(descriptors)
            raise StartError("argument list too long")
        if len(packet) > MAX_PACKET:
            packet, descriptors = ATTACHED, (*descriptors, _in_memory(packet))
        self._outbox.append((packet, descriptors))
        self._flush()

    def _flush(self) -> None:
        while self._outbox and self._control is not None:
            packet, descriptors = self._outbox[0]
            try:
                socket.send_fds(self._control, [packet], descriptors)
            except BlockingIOError:
                asyncio.get_running_loop().add_writer(self._control, self._resume)
                return
            except OSError:
                self._lose_zygote()
                return
            self._outbox.popleft()
            self._close_all(descriptors)

    def _resume(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_writer(self._control)
            self._flush()

    def _read_control(self) -> None:
        while self._control is not None:
            try:
                packet = self._control.recv(READ_SIZE)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._lose_zygote()
                return
            self._take(json.loads(packet))

    def _take(self, message: dict[str, Any]) -> None:
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
        """Close the control socket, upon which a living zygote ends everything; kill what a dead one left behind."""
        control, zygote, self._control, self._zygote = self._control, self._zygote, None, None
        if control is None or zygote is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(control)
        loop.remove_writer(control)
        control.close()
        for _, descriptors in self._outbox:
            self._close_all(descriptors)
        self._outbox.clear()
        lost, sessions = list(self._children.values()), set(self._pids.values())
        self._children, self._pids = {}, {}
        reaper = loop.create_task(_reap(zygote, lost, sessions), name="zygote-reaper")
        self._reapers.add(reaper)
        reaper.add_done_callback(self._reapers.discard)

    @staticmethod
    def _close_all(descriptors: tuple[int, ...]) -> None:
        for each in descriptors:
            os.close(each)


def _in_memory(content: bytes) -> int:
    """Return the descriptor of a file that is nowhere but in memory."""
    descriptor = os.memfd_create("start")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


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
            child.started.exception()  # whoever began to start it may have been cancelled: then nobody asks
        if not child.exited.done():
            child.exited.set_result(Exit(137, int(signal.SIGKILL), is_lost=True))


def _start_message(identity: str, spec: ProcessSpec, marker: Mapping[str, str]) -> dict[str, Any]:
    return {
        "op": "start",
        "id": identity,
        "argv": list(spec.argv),
        "env": {**spec.environment, **marker, CONTAINER_MARK: spec.container or identity},
        "tty": spec.is_tty,
        "guest": bool(spec.container),
        "cwd": spec.working_dir,
        "builtin": spec.builtin._asdict() if spec.builtin is not None else None,
        "address": spec.address,
        "title": spec.title,
    }

"""Commands that run in a container, and clients that are attached to one.

A command is a process of its own with the container's environment; it ends with its client, with the container and
with the cluster. An attachment sees the container's output from now on. Follows kubelet ``cri/streaming``.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

from kubelet.process.runner import ProcessRunner, RunningProcess
from kubelet.process.streams import Input, OutputQueue, open_ends
from kubelet.spec.process import ProcessSpec
from kubelet.tools.scripts import with_agnhost_on_path

ATTACHED_LIMIT = 4 * 1024 * 1024
"""Bytes of output that wait for an attached client; one that falls further behind is detached."""


class Command:
    """A command in a container, with its streams; ``close`` kills it."""

    def __init__(self, *, has_stdin: bool, is_tty: bool) -> None:
        self._has_stdin = has_stdin
        self._is_tty = is_tty
        self._output: OutputQueue | None = None
        self._input: Input | None = None
        self._process: RunningProcess | None = None

    @classmethod
    async def start(cls, runner: ProcessRunner, spec: ProcessSpec, *, has_stdin: bool) -> Command:
        """Start a process; ``spec.is_tty`` gives it a terminal. StartError, OSError."""
        command = cls(has_stdin=has_stdin, is_tty=spec.is_tty)
        try:
            command._process = await runner.start(spec, streams=command)
        except BaseException:
            command.drain()
            raise
        return command

    def open(self) -> tuple[int, ...]:
        """Return the descriptors for the process, which the caller, the runner, closes."""
        ends = open_ends(has_stdin=self._has_stdin, is_tty=self._is_tty)
        self._output = OutputQueue(ends.outputs)
        self._input = None if ends.stdin is None else Input(ends.stdin, is_tty=self._is_tty)
        return ends.theirs

    def drain(self) -> None:
        """Read the last output of the process, which has ended; the runner calls this."""
        if self._output is not None:
            self._output.finish()
        if self._input is not None:
            self._input.close()

    async def read(self) -> tuple[str, bytes] | None:
        """Return the next output, None when there will be no more."""
        return await self._output.read() if self._output is not None else None

    async def write(self, content: bytes) -> None:
        """Write to its stdin, if it has one; returns when it may be given more."""
        if self._input is not None and self._has_stdin:
            await self._input.write(content)

    def end_input(self) -> None:
        """Close its stdin; a terminal gets Ctrl-D."""
        if self._input is not None:
            self._input.end()

    def resize(self, width: int, height: int) -> None:
        """Set the size of its terminal."""
        if self._input is not None:
            self._input.resize(width, height)

    async def wait(self) -> int:
        """Return its exit code, once it has ended."""
        return (await self._process.wait()).code if self._process is not None else 0

    async def close(self) -> None:
        """Kill it and close its streams."""
        self.kill()
        self.drain()

    def kill(self) -> None:
        """Kill it and all processes that it has started."""
        if self._process is not None:
            self._process.kill()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process is not None and self._process.has_exited


class Attachment:
    """The streams of a container's own process, for one client. ``leave`` is called when it closes.

    With ``closes_stdin`` (stdinOnce, and no terminal) the container's stdin is closed at the end of the client's input
    or when the client leaves. Without, the end of its input only ends the attachment, and the next client may go on
    (containerd ``internal/cri/io`` ContainerIO.Attach).
    """

    def __init__(self, stdin: Input | None, leave: Callable[[Attachment], None], *, closes_stdin: bool = False) -> None:
        self._stdin = stdin
        self._closes_stdin = closes_stdin
        self._leave = leave
        self._chunks: deque[tuple[str, bytes]] = deque()
        self._unread = 0
        self._wake = asyncio.Event()
        self._has_ended = False

    def feed(self, stream: str, chunk: bytes) -> None:
        """Add output of the container; a client that is too far behind is detached."""
        if self._unread > ATTACHED_LIMIT:
            self.finish()
        if not self._has_ended:
            self._chunks.append((stream, chunk))
            self._unread += len(chunk)
            self._wake.set()

    def finish(self) -> None:
        """Record that there will be no more output."""
        self._has_ended = True
        self._wake.set()

    async def read(self) -> tuple[str, bytes] | None:
        """Return the next output, None when there will be no more."""
        while not self._chunks:
            if self._has_ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        stream, chunk = self._chunks.popleft()
        self._unread -= len(chunk)
        return stream, chunk

    async def write(self, content: bytes) -> None:
        """Give the container input, if it has a stdin."""
        if self._stdin is not None:
            await self._stdin.write(content)

    def end_input(self) -> None:
        """Close the container's stdin if it may be attached only once, otherwise end the attachment."""
        if self._stdin is None:
            return
        if self._closes_stdin:
            self._stdin.close()
        else:
            self.finish()

    def resize(self, width: int, height: int) -> None:
        """Set the size of the container's terminal."""
        if self._stdin is not None:
            self._stdin.resize(width, height)

    async def wait(self) -> int:
        """Return 0: the exit code of the container is in its status."""
        return 0

    async def close(self) -> None:
        """Detach."""
        if self._stdin is not None and self._closes_stdin:
            self._stdin.close()
        self.finish()
        self._leave(self)


def command_spec(
    container: ProcessSpec, identity: str, argv: tuple[str, ...], working_dir: str, *, is_tty: bool
) -> ProcessSpec:
    """Return the process of a command in a container; ``identity`` is the container's own process."""
    environment = dict(container.environment)
    if container.sandbox and argv[:1] == ("tar",) and os.geteuid():
        # The user namespace of an ordinary user may have no other owner for the files that `kubectl cp` brings.
        environment["TAR_OPTIONS"] = "--no-same-owner"
    if is_tty:
        environment |= {"TERM": environment.get("TERM", "xterm"), **({} if container.sandbox else PROMPT)}
    return container._replace(
        argv=argv if container.sandbox else with_agnhost_on_path(argv),
        environment=environment,
        working_dir=working_dir,
        builtin=None,
        is_tty=is_tty,
        container=identity,
    )


PROMPT = {"PROMPT_COMMAND": r'PS1="\u@$HOSTNAME:\w\\$ "'}
"""Without a sandbox bash shows the machine's host name in its prompt; so the prompt is set before each command."""

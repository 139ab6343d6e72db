"""One run of a container: its process, its log, the commands that run in it, and the attached clients."""

from __future__ import annotations

import asyncio
import signal

from kubeapi.podoptions import PodExecOptions
from kubelet.images.plan import ContainerPlan
from kubelet.pod.spec import ContainerSpec
from kubelet.process.descendants import catches
from kubelet.process.exec import Attachment, Command, command_spec
from kubelet.process.logs.writer import LogWriter
from kubelet.process.output import OutputStreams
from kubelet.process.runner import ProcessRunner, RunningProcess

EARLY_SECONDS = 1.0
"""A client that attaches so soon also gets what was written before. Elsewhere nobody can attach as early: a kubelet
notices that a container runs within a second (its PLEG's relist period), and commands such as `kubectl run --rm -i`
would lose the output of a quick program."""
EARLY_BYTES = 64 * 1024
"""Most early output that is kept for that."""


class Instance:
    """Made before a container starts; ``end`` must be called when it has ended, for whatever reason."""

    def __init__(self, plan: ContainerPlan, log: LogWriter) -> None:
        self.plan = plan
        self.log = log
        self.process: RunningProcess | None = None
        self.probing: asyncio.Task[None] | None = None
        self._streams: OutputStreams | None = None
        self._closes_stdin = False
        self._attached: list[Attachment] = []
        self._commands: set[Command] = set()
        self._early: list[tuple[str, bytes]] = []
        self._early_room = EARLY_BYTES

    async def start(self, runner: ProcessRunner, container: ContainerSpec) -> RunningProcess:
        """Start the process, with a terminal or an open stdin if the container has one. StartError, OSError."""
        self._closes_stdin = container.is_stdin_once and not container.is_tty
        streams = self._streams = OutputStreams(
            self._take, has_stdin=container.has_stdin, is_tty=self.plan.process.is_tty
        )
        self.process = await runner.start(self.plan.process, streams=streams)
        asyncio.get_running_loop().call_later(EARLY_SECONDS, self._forget_early)
        return self.process

    async def run(self, runner: ProcessRunner, options: PodExecOptions) -> Command:
        """Run a command in the container. StartError, OSError."""
        assert self.process is not None
        spec = command_spec(
            self.plan.process, self.process.identity, options.command, self.plan.working_dir, is_tty=options.is_tty
        )
        command = await Command.start(runner, spec, has_stdin=options.has_stdin)
        self._commands = {each for each in self._commands if not each.has_ended} | {command}
        if self.process.has_exited:
            command.kill()
        return command

    def attach(self, *, has_stdin: bool) -> Attachment:
        """Return the container's streams, with the output from now on; for a young one with all of it."""
        stdin = self._streams.stdin if self._streams is not None and has_stdin else None
        attachment = Attachment(stdin, self._attached.remove, closes_stdin=self._closes_stdin)
        self._attached.append(attachment)
        for stream, chunk in self._early:
            attachment.feed(stream, chunk)
        return attachment

    def log_read(self) -> None:
        """Keep no output for clients that attach which is in a log that was asked for: kubectl run shows both."""
        self._early = []

    def _forget_early(self) -> None:
        self._early, self._early_room = [], 0

    def signal_stop(self, *, is_cluster_stopping: bool) -> None:
        """Send the stop signal of the image to the process.

        Process 1 of a sandbox does not get signals for which it has no handler, so that its grace period passes in
        vain. When the whole cluster stops nobody waits for that.
        """
        if self.process is None:
            return
        number = getattr(signal, self.plan.stop_signal, signal.SIGTERM)
        if is_cluster_stopping and self.plan.process.sandbox and not catches(self.process.pid, number):
            number = signal.SIGKILL
        self.process.kill(number)

    def kill(self) -> None:
        """Kill the process."""
        if self.process is not None:
            self.process.kill()

    def end(self) -> None:
        """Close the log, detach the clients and kill the commands, as the process has ended."""
        self.log.close()
        for attachment in self._attached:
            attachment.finish()
        for command in self._commands:
            command.kill()

    def _take(self, stream: str, chunk: bytes) -> None:
        self.log.write(stream, chunk)
        if self._early_room > 0:
            self._early.append((stream, chunk))
            self._early_room -= len(chunk)
        for each in self._attached:
            each.feed(stream, chunk)

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
from collections.abc import Callable, Mapping
from typing import Any

from kubehost.io.cgroups import NO_CGROUPS, Cgroups
from kubelet.process.agentprocess import AGENT_SPEC, AgentProcess, AgentStreams, Starter
from kubelet.process.channel import ZygoteChannel
from kubelet.process.children import LOST, ZYGOTE_EXIT_SECONDS, Child, Streams, reap, start_message
from kubelet.process.output import OutputSink, OutputStreams, discard
from kubelet.process.sandboxes import Sandboxes
from kubelet.process.starting import start_zygote
from kubelet.spec.process import Exit, ProcessSpec, SandboxError, StartError
from kubelet.spec.sandbox import ClusterNetwork, SandboxSpec


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


class ProcessRunner:
    """Starts processes that live no longer than this one. ``marker`` is in the environment of each.

    With a ``network`` they are in namespaces that the zygote makes as its agent, and ``sandboxes`` has the pods' ones;
    both end and begin anew with it. ``cgroups`` are where containers are bounded; they are removed at the end.
    """

    def __init__(
        self, marker: Mapping[str, str], network: ClusterNetwork | None = None, cgroups: Cgroups = NO_CGROUPS
    ) -> None:
        self.cgroups = cgroups
        self.sandboxes: Sandboxes | None = None
        self._network = network
        # A process without a sandbox is one of this machine, and none of the agent's.
        self._outside = ProcessRunner(marker) if network is not None else None
        self._observers: list[Callable[[Sandboxes], None]] = []
        self._marker = dict(marker)
        self._children: dict[str, Child] = {}
        self._pids: dict[str, int] = {}
        self._channel: ZygoteChannel | None = None
        self._zygote: Starter | None = None
        self._reapers: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._serial = 0
        self._reopening: asyncio.Task[None] | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Bring up the zygote, unless it runs; it warms up while the caller goes on. OSError if it cannot."""
        async with self._opening:
            if self._channel is None:
                await self._start_zygote()

    async def _start_zygote(self) -> None:
        if self._outside is None or self._network is None:
            self._zygote, control = await start_zygote(self._marker)
            self._channel = ZygoteChannel(control, self._on_message, self._lose_zygote)
            return
        await self._outside.open()
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ZygoteChannel(control, self._on_message, self._lose_zygote)
        starting = asyncio.create_task(self._outside.start_agent(theirs), name="agent")
        # A task that is cancelled before its first step closes nothing.
        starting.add_done_callback(lambda _: theirs.close())
        self._zygote = AgentProcess(starting)
        self.sandboxes = Sandboxes(self._channel.send, self._network)
        self.sandboxes.opened.add_done_callback(self._tell_observers)

    async def start_agent(self, control: socket.socket) -> Starter:
        """Start an agent at an end of its control socket, which is closed here. StartError, OSError."""
        return await self.start(AGENT_SPEC, streams=AgentStreams(control))

    async def open_network(self) -> None:
        """Wait until the cluster's network is there, if there is to be one. SandboxError, OSError."""
        await self.open()
        if self.sandboxes is not None:
            await asyncio.shield(self.sandboxes.opened)

    @property
    def has_sandboxes(self) -> bool:
        """Whether pods have networks of their own."""
        return self._network is not None

    @property
    def agent_pid(self) -> int:
        """The process in whose namespaces the cluster's network is, 0 without one."""
        return self._zygote.first_process if isinstance(self._zygote, AgentProcess) else 0

    async def make_sandbox(self, spec: SandboxSpec) -> bool:
        """Make a pod's sandbox; return False if it was there. SandboxError, OSError."""
        await self.open()
        return self.sandboxes is not None and await self.sandboxes.make(spec)

    def remove_sandbox(self, uid: str) -> None:
        """Give a pod's sandbox up, if it has one."""
        if self.sandboxes is not None:
            self.sandboxes.remove(uid)

    def observe(self, observer: Callable[[Sandboxes], None]) -> None:
        """Have a function called with the cluster's network, and each later one: a lost agent has a successor."""
        self._observers.append(observer)
        if self.sandboxes is not None and self.sandboxes.is_open:
            observer(self.sandboxes)

    def _tell_observers(self, opened: asyncio.Future[None]) -> None:
        if opened.cancelled() or opened.exception() is not None or self.sandboxes is None:
            return
        for observer in self._observers:
            observer(self.sandboxes)

    async def start(
        self, spec: ProcessSpec, output: OutputSink = discard, *, streams: Streams | None = None
    ) -> RunningProcess:
        """Start a process; returns when it runs (a built-in: when it listens). Raises StartError or OSError.

        Its output goes to ``output``, or to ``streams``. Cancelled, it leaves nothing running.
        """
        if not spec.argv and spec.builtin is None:
            raise StartError("no command specified")
        if self._outside is not None and not spec.sandbox:
            return await self._outside.start(spec, output, streams=streams)
        await self.open()
        self._serial += 1
        identity = f"{os.getpid()}-{self._serial}"
        child = await self._start(identity, spec, streams or OutputStreams(output))
        return RunningProcess(self, identity, child.started.result(), child.exited)

    async def _start(self, identity: str, spec: ProcessSpec, streams: Streams) -> Child:
        assert self._channel is not None
        loop = asyncio.get_running_loop()
        child = self._children[identity] = Child(loop.create_future(), loop.create_future(), streams)
        is_asked_for = False
        try:
            self._channel.send(start_message(identity, spec, self._marker), child.streams.open())
            is_asked_for = True
            self._pids[identity] = await child.started
        except BaseException:
            self.signal(identity, signal.SIGKILL)
            if child.started.done() or not is_asked_for:
                self._forget(identity)  # otherwise the zygote still answers
            raise
        return child

    def signal(self, identity: str, number: int) -> None:
        """Signal a process by the identity it was started with."""
        if self._channel is not None:
            self._channel.send({"op": "kill", "id": identity, "signal": int(number)})

    async def close(self) -> None:
        """Kill what still runs, and wait until the zygote has exited."""
        self._is_closed = True
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.wait([self._reopening])
        self._lose_zygote()
        if self._outside is not None:
            await self._outside.close()
        if self._reapers:
            await asyncio.wait(self._reapers, timeout=ZYGOTE_EXIT_SECONDS)
        self.cgroups.close()

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["op"] in ("ready", "made", "refused"):
            if self.sandboxes is not None:
                self.sandboxes.receive(message)
            if message["op"] == "refused" and not message.get("id"):
                self._lose_zygote()  # an agent without a network is of no use
            return
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

    async def _reopen(self) -> None:
        """Bring up an agent in place of a lost one, whether or not a pod needs it; the next use tries again."""
        with contextlib.suppress(SandboxError, OSError):
            await self.open_network()

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
        if self.sandboxes is not None:
            if self.sandboxes.is_open and not self._is_closed:
                self._reopening = asyncio.get_running_loop().create_task(self._reopen(), name="agent-successor")
            self.sandboxes.lose(LOST)
            self.sandboxes = None
        sessions = set(filter(None, self._pids.values()))  # 0 is the kernel's own
        lost = list(self._children.values())
        self._children, self._pids = {}, {}
        reaper = asyncio.get_running_loop().create_task(reap(zygote, lost, sessions), name="zygote-reaper")
        self._reapers.add(reaper)
        reaper.add_done_callback(self._reapers.discard)

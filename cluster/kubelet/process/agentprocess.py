"""The agent as a process: forked from the zygote of processes without sandboxes, which is warm already.

It makes the namespaces itself (``sandbox.io.stub``). Its standard input is its end of the control socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Protocol

from kubelet.process.descendants import children_of
from kubelet.process.protocol import AGENT
from kubelet.spec.process import ProcessSpec, StartError
from kubelet.spec.server import plan_server

AGENT_SPEC = ProcessSpec(builtin=plan_server(AGENT), title=AGENT)


class Starter(Protocol):
    """A process that starts others: the zygote or the agent, for whose end its owner waits."""

    @property
    def pid(self) -> int:
        """Its pid; that of the agent is its parent's, which is outside its namespaces."""
        ...

    async def wait(self) -> object:
        """Return once it has ended."""
        ...

    def kill(self) -> None:
        """Kill it."""
        ...


class AgentStreams:
    """The three descriptors of the agent: its end of the control socket, and this process's own output."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def open(self) -> tuple[int, ...]:
        """Return them; the caller closes them."""
        return self._control.detach(), os.dup(1), os.dup(2)

    def drain(self) -> None:
        """Close what nobody has asked for."""
        self._control.close()


class AgentProcess:
    """The agent, which ``starting`` starts."""

    def __init__(self, starting: asyncio.Task[Starter]) -> None:
        self._starting = starting

    @property
    def pid(self) -> int:
        """The pid of the agent's parent, 0 before it runs and if it cannot."""
        is_started = self._starting.done() and not self._starting.cancelled() and not self._starting.exception()
        return self._starting.result().pid if is_started else 0

    @property
    def first_process(self) -> int:
        """The pid of the agent itself, 0 if it does not run."""
        return next(iter(children_of(self.pid)), 0) if self.pid else 0

    async def wait(self) -> None:
        """Return once it has ended."""
        try:
            process = await self._starting
        except (StartError, OSError, asyncio.CancelledError):
            return
        await process.wait()

    def kill(self) -> None:
        """Kill it, or do not start it."""
        if self.pid:
            self._starting.result().kill()
        else:
            self._starting.cancel()

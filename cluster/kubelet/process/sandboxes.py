"""The kubelet's side of the sandboxes: what it has asked the agent for, and the answers.

It belongs to one agent: when that is lost, so are its sandboxes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from kubelet.spec.process import SandboxError
from kubelet.spec.sandbox import ClusterNetwork, SandboxSpec


class Sandboxes:
    """Asks by ``send``, which takes a message and descriptors; ``opened`` is done once the network is there."""

    def __init__(self, send: Callable[[dict[str, Any], tuple[int, ...]], None], network: ClusterNetwork) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._made: dict[str, asyncio.Future[None]] = {}
        self.opened = self._future()
        send({"op": "network", "network": network._asdict()}, ())

    @property
    def is_open(self) -> bool:
        """Whether the cluster's network is there."""
        return self.opened.done() and self.opened.exception() is None

    async def make(self, spec: SandboxSpec) -> bool:
        """Make a pod's sandbox; return False if it was there. SandboxError."""
        await asyncio.shield(self.opened)
        made = self._made.get(spec.uid)
        is_new = made is None
        if made is None:
            made = self._made[spec.uid] = self._future()
            self._send({"op": "sandbox", "id": spec.uid, "sandbox": spec._asdict()}, ())
        await asyncio.shield(made)
        return is_new

    def remove(self, uid: str) -> None:
        """Give a pod's sandbox up, if it has one."""
        made = self._made.pop(uid, None)
        if made is None:
            return
        if not made.done():
            made.set_exception(SandboxError("the pod has ended"))
        self._send({"op": "remove", "id": uid}, ())

    def connect(self) -> socket.socket:
        """Return a channel of the agent's socket service; the caller closes it. OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._send({"op": "sockets"}, (theirs.detach(),))
        return ours

    def receive(self, message: dict[str, Any]) -> None:
        """Take an answer of the agent."""
        uid = message.get("id", "")
        if message["op"] == "ready":
            self.opened.set_result(None)
        elif message["op"] == "made":
            if uid in self._made and not self._made[uid].done():
                self._made[uid].set_result(None)
        elif not uid:
            self.lose(message["message"])
        elif (refused := self._made.pop(uid, None)) is not None and not refused.done():
            refused.set_exception(SandboxError(message["message"]))

    def lose(self, why: str) -> None:
        """Refuse all that is still asked for: the agent is gone, or has no network."""
        waiting = [each for each in (self.opened, *self._made.values()) if not each.done()]
        self._made.clear()
        for each in waiting:
            each.set_exception(SandboxError(why))

    def _future(self) -> asyncio.Future[None]:
        future = self._loop.create_future()
        # Read, so that asyncio does not complain if its caller was cancelled.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

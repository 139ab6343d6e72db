"""The process from which every container is forked: small, warm, single-threaded.

It starts what the kubelet asks for over a SEQPACKET socket, reports how each process ended, and adopts the orphans that
containers leave (it is their subreaper). When the socket closes, also because the kubelet was killed, it kills every
descendant and exits. It never decides about restarts and never reads a container's output. It imports as little as it
can, as every pod carries its memory.

Messages are JSON, one per packet. From the kubelet: ``start`` (with stdin, stdout and stderr) and ``kill``; to the
kubelet: ``started``, ``failed``, ``exited``.

As the agent of a cluster's sandboxes it is the first process of the cluster's namespaces (``sandbox.io.stub`` has made
them), and it makes the containers' namespaces too. Its messages are also ``network`` (the first one), ``sandbox``,
``remove`` and ``sockets`` (with a channel for the socket service), and as answers ``ready``, ``refused`` and ``made``;
``started`` comes with a pidfd, by which the kubelet finds the pid that the process has outside.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from kubehost.io.namespaces import PR_SET_CHILD_SUBREAPER, prctl
from kubehost.io.passing import receive
from kubelet.process.child import IGNORED, become
from kubelet.process.descendants import children_of, container_of, kill_tree, session_of
from kubelet.process.outbox import Outbox
from kubelet.process.protocol import ATTACHED, MAX_MESSAGE, MAX_PACKET

if TYPE_CHECKING:
    from kubelet.sandbox.io.agent import Agent


class Zygote:
    """Forks containers and reaps all its descendants.

    ``_running`` has the container of each first process by pid, ``_commands`` the pids of commands that run in one, and
    ``_starting`` by status pipe those that have not become their program yet.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._agent: Agent | None = None
        self._running: dict[int, str] = {}
        self._commands: set[int] = set()
        self._starting: dict[int, tuple[str, int, bytearray]] = {}
        self._poll = select.poll()
        self._outbox = Outbox(control, self._poll)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def become_agent(self) -> None:
        """Serve sandboxes too; to be called before ``serve``, in namespaces that are the cluster's."""
        from kubelet.sandbox.io.agent import Agent

        self._agent = Agent(self._poll)

    def serve(self) -> None:
        """Work until the kubelet has closed the socket, then kill every descendant."""
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        # A handler, though it does nothing: only then does the signal write to the wake-up pipe.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        # Frozen objects are left alone by the collections in pods, which would copy the shared pages.
        gc.collect()
        gc.freeze()
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        try:
            while self._turn():
                pass
        finally:
            self._end_everything()

    def _turn(self) -> bool:
        ready = self._poll.poll()
        if self._agent is not None:
            ready = self._agent.serve_sockets(ready)
        for descriptor, event in ready:
            if descriptor == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            elif descriptor in self._starting:
                self._read_status(descriptor)
            elif descriptor == self._control.fileno() and not self._use_control(event):
                return False
        self._reap()
        return True

    def _use_control(self, event: int) -> bool:
        if event & select.POLLOUT:
            self._outbox.flush()
        return not event & ~select.POLLOUT or self._read_control()

    def _read_control(self) -> bool:
        try:
            packet, descriptors = receive(self._control, MAX_PACKET, 4)
        except OSError:
            return False
        if not packet:
            return False
        if packet == ATTACHED:
            packet = os.pread(descriptors[-1], MAX_MESSAGE, 0)
        message = json.loads(packet)
        if message["op"] == "start":
            self._start(message, descriptors[:3])
        elif message["op"] == "kill":
            self._kill(message["id"], message["signal"])
        elif self._agent is not None and (answer := self._agent.answer(message, descriptors)) is not None:
            self._outbox.tell(answer, [])
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _start(self, message: dict[str, Any], descriptors: list[int]) -> None:
        status_read, status_write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(status_read, False)
        try:
            pid = os.fork() if self._agent is None else self._agent.fork(message)
        except OSError as error:
            os.close(status_write)
            os.close(status_read)
            self._tell(op="failed", id=message["id"], message=f"fork: {error.strerror}")
            return
        if pid == 0:
            become(message, descriptors, status_write, self._agent, _serve_as_agent)
        os.close(status_write)
        self._running[pid] = message["id"]
        if message["is_command"]:
            self._commands.add(pid)
        self._starting[status_read] = (message["id"], pid, bytearray())
        self._poll.register(status_read, select.POLLIN)

    def _read_status(self, descriptor: int, *, has_ended: bool = False) -> None:
        """Read the result of a start: end of file alone is success, as exec or a listening server closes the pipe.

        Of a process that has ended there is no more to come, though another one may still have the pipe.
        """
        identity, pid, said = self._starting[descriptor]
        try:
            chunk = os.read(descriptor, 65536)
        except BlockingIOError:
            if not has_ended:
                return
            chunk = b""
        if chunk:
            said += chunk
            return
        self._poll.unregister(descriptor)
        os.close(descriptor)
        del self._starting[descriptor]
        if said:
            self._running.pop(pid, None)
            self._commands.discard(pid)
            self._tell(op="failed", id=identity, message=said.decode(errors="replace"))
            if self._agent is not None:
                self._agent.ended(identity)
        else:
            pidfds = self._agent.pidfds(identity) if self._agent is not None else []
            self._outbox.tell({"op": "started", "id": identity, "pid": pid}, pidfds)

    def _kill(self, identity: str, number: int) -> None:
        """Send SIGKILL to the whole group, any other signal to the first process alone, as a container runtime does."""
        for pid, running in self._running.items():
            if running == identity:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                    if number == signal.SIGKILL:
                        os.killpg(pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._finish_start(pid)
            identity = self._running.pop(pid, None)
            if identity is None:
                continue
            if pid in self._commands:
                # The processes that a command leaves running in its container live as long as the container.
                self._commands.discard(pid)
            else:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            if self._agent is None:
                self._kill_orphans()
            else:
                self._agent.ended(identity)
            code = os.waitstatus_to_exitcode(status)
            self._tell(op="exited", id=identity, code=128 - code if code < 0 else code, signal=max(-code, 0))

    def _finish_start(self, pid: int) -> None:
        """Report the result of a process's start, which must come before its end."""
        for descriptor, (_, starting, _) in list(self._starting.items()):
            if starting == pid:
                while descriptor in self._starting:
                    self._read_status(descriptor, has_ended=True)

    def _kill_orphans(self) -> None:
        """Kill the adopted processes of containers that have ended, also those that left their session."""
        alive = set(self._running.values())
        for pid in children_of(os.getpid()):
            if pid not in self._running and session_of(pid) not in self._running and container_of(pid) not in alive:
                kill_tree(pid)

    def _end_everything(self) -> None:
        signal.set_wakeup_fd(-1)
        if self._agent is not None:
            return  # it is the first process of the cluster's PID namespace: the kernel ends all others with it
        while True:
            for pid in children_of(os.getpid()):
                kill_tree(pid)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _tell(self, **message: Any) -> None:
        self._outbox.tell(message, [])


def _serve_as_agent(control: socket.socket) -> None:
    zygote = Zygote(control)
    zygote.become_agent()
    zygote.serve()


def main() -> None:
    """Serve the control socket; its descriptor is the only argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    Zygote(control).serve()


if __name__ == "__main__":
    main()

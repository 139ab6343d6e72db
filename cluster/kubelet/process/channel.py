"""The kubelet's end of the socket to the zygote: messages out, with descriptors, and messages in."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kubehost.io.passing import receive
from kubelet.process.protocol import ATTACHED, MAX_MESSAGE, MAX_PACKET
from kubelet.process.streams import READ_SIZE
from kubelet.spec.process import StartError


class ZygoteChannel:
    """Calls ``received`` with each message, and ``lost`` when the zygote has closed its end.

    A message that came with a pidfd has the process's pid, as it is in this PID namespace, as its ``pid``.
    """

    def __init__(
        self, control: socket.socket, received: Callable[[dict[str, Any]], None], lost: Callable[[], None]
    ) -> None:
        control.setblocking(False)
        self._control = control
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._is_closed = False
        self._loop.add_reader(control, self._read)

    def send(self, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        """Send a message, now or once the socket takes it; the descriptors are closed then. StartError if too long."""
        packet = json.dumps(message).encode()
        if len(packet) > MAX_MESSAGE:
            _close_all(descriptors)
            raise StartError("argument list too long")
        if len(packet) > MAX_PACKET:
            packet, descriptors = ATTACHED, (*descriptors, _in_memory(packet))
        self._outbox.append((packet, descriptors))
        self._flush()

    def close(self) -> None:
        """Close the socket, upon which a living zygote ends all its processes and exits."""
        self._is_closed = True
        self._loop.remove_reader(self._control)
        self._loop.remove_writer(self._control)
        self._control.close()
        for _, descriptors in self._outbox:
            _close_all(descriptors)
        self._outbox.clear()

    def _flush(self) -> None:
        while self._outbox and not self._is_closed:
            packet, descriptors = self._outbox[0]
            try:
                socket.send_fds(self._control, [packet], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._control, self._resume)
                return
            except OSError:
                self._lost()
                return
            self._outbox.popleft()
            _close_all(descriptors)

    def _resume(self) -> None:
        self._loop.remove_writer(self._control)
        self._flush()

    def _read(self) -> None:
        while not self._is_closed:
            try:
                packet, pidfds = receive(self._control, READ_SIZE, 1)
            except BlockingIOError:
                return
            except ConnectionResetError:
                continue  # said once, before the last words of a peer that has not read everything
            except OSError:
                packet, pidfds = b"", []
            if not packet:
                self._lost()
                return
            message = json.loads(packet)
            if pidfds:
                message["pid"] = _pid_of(pidfds[0])
            self._received(message)


def _pid_of(pidfd: int) -> int:
    """Close a pidfd and return its process's pid in this PID namespace, 0 if it has ended (proc_pid_fdinfo(5)).

    0 as well where no more files may be opened: a message that is lost would leave a container starting for ever.
    """
    try:
        lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    except OSError:
        return 0
    finally:
        os.close(pidfd)
    fields = (line.split() for line in lines)
    return max(next(int(pid) for name, pid in fields if name == "Pid:"), 0)


def _close_all(descriptors: Sequence[int]) -> None:
    for each in descriptors:
        os.close(each)


def _in_memory(content: bytes) -> int:
    """Return the descriptor of a file that exists only in memory."""
    descriptor = os.memfd_create("start")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor

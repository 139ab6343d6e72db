"""The zygote's answers to the kubelet: they wait here while the kubelet does not read, so that the zygote goes on."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from collections import deque
from typing import Any


class Outbox:
    """Sends messages by a non-blocking SEQPACKET socket that ``poll`` watches for reading."""

    def __init__(self, control: socket.socket, poll: select.poll) -> None:
        self._control = control
        self._poll = poll
        self._waiting: deque[tuple[bytes, list[int]]] = deque()

    def tell(self, message: dict[str, Any], descriptors: list[int]) -> None:
        """Send a message, now or later; the descriptors are closed then. A kubelet that is gone hears nothing."""
        self._waiting.append((json.dumps(message).encode(), descriptors))
        if len(self._waiting) == 1:
            self.flush()

    def flush(self) -> None:
        """Send what the socket takes; ask to be called again when it takes more."""
        while self._waiting:
            packet, descriptors = self._waiting[0]
            try:
                socket.send_fds(self._control, [packet], descriptors, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._poll.modify(self._control, select.POLLIN | select.POLLOUT)
                return
            except OSError:
                self._poll.modify(self._control, select.POLLIN)
            self._waiting.popleft()
            for each in descriptors:
                with contextlib.suppress(OSError):
                    os.close(each)
        self._poll.modify(self._control, select.POLLIN)

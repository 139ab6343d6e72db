"""Child processes of a built-in server, each with one connection: for answers that may block, and for TLS."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import NoReturn

from kubelet.servers.http.connection import MAX_BODY, MAX_HEAD
from kubelet.servers.http.messages import Head, find_head, is_hopeless, parse_head

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
MAX_CHILDREN = 128
CHILD_SECONDS = 30.0
"""The longest pause of a client that a child serves."""


class Children:
    """The children that still work; false if there are none."""

    def __init__(self) -> None:
        self._pids: set[int] = set()

    def __bool__(self) -> bool:
        """Tell whether any child still works."""
        return bool(self._pids)

    def start(self, work: Callable[[], None]) -> None:
        """Do ``work`` in a child, which then exits; beyond MAX_CHILDREN, or without memory, nothing is done."""
        if len(self._pids) >= MAX_CHILDREN:
            return
        with contextlib.suppress(OSError):
            if (pid := os.fork()) == 0:
                _work_and_exit(work)
            self._pids.add(pid)

    def reap(self) -> None:
        """Forget the children that have exited."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                self._pids.discard(pid)


def _work_and_exit(work: Callable[[], None]) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        work()
    except (OSError, ValueError):
        os._exit(1)
    finally:
        os._exit(0)


def answer_in_tls(
    sock: socket.socket, certificate: tuple[str, str] | None, answer: Callable[[Head | None, bytes], bytes]
) -> None:
    """Send over TLS what ``answer`` returns for the one request and its body; OSError.

    The request is None if there is none, or its body is too long. ``certificate`` is that of ``Service``.
    """
    # Imported here alone: OpenSSL weighs megabytes, and only porter's pods need it.
    from kubelet.servers.http.certificate import server_context

    with server_context(certificate).wrap_socket(sock, server_side=True) as secured:
        received = bytearray()
        while (found := find_head(received)) is None and not is_hopeless(received) and len(received) < MAX_HEAD:
            chunk = secured.recv(65536)
            if not chunk:
                return
            received += chunk
        head = parse_head(bytes(received[: found[0]])) if found else None
        if found is None or head is None:
            secured.sendall(answer(None, b""))
            return
        text = head.headers.get("content-length", "0")
        end = found[1] + (int(text) if text.isdecimal() else 0)
        while len(received) < min(end, MAX_BODY) and (chunk := secured.recv(65536)):
            received += chunk
        secured.sendall(answer(head if end <= MAX_BODY else None, bytes(received[found[1] : end])))

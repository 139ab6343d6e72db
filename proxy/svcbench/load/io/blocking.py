"""A server whose workers serve one connection at a time, to measure what their queues do (R10).

    python -m svcbench.load.io.blocking PORT WORKERS own|shared SHORT LONG SHARE

``own``: each worker has a listening socket with SO_REUSEPORT; ``shared``: all accept from one. A request keeps its
worker busy for SHORT seconds, by a chance of SHARE for LONG seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from random import Random
from socket import SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET, socket

from kubehost.io.namespaces import prctl

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_QUEUE = 1024
_PR_SET_PDEATHSIG = 1


def main(port: int, workers: int, queues: str, *times: float) -> None:
    """Serve until the process is ended, and the workers with it."""
    listeners = [_listener(port, queues == "own") for _ in range(workers if queues == "own" else 1)]
    # Connections wait in all sockets from the beginning: the kernel gives none to a worker that is not there yet.
    number = next((number for number in range(1, workers) if not os.fork()), 0)
    if number:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    rng = Random(number)
    while True:
        connection, _ = listeners[number % len(listeners)].accept()
        with connection, suppress(OSError):
            _serve(connection, rng, *times)


def _listener(port: int, is_one_of_several: bool) -> socket:
    listener = socket()
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listener.setsockopt(SOL_SOCKET, SO_REUSEPORT, is_one_of_several)
    listener.bind(("", port))
    listener.listen(_QUEUE)
    return listener


def _serve(connection: socket, rng: Random, short: float, long: float, share: float) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return
        head += piece
    time.sleep(long if rng.random() < share else short)
    connection.sendall(_ANSWER)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], *map(float, sys.argv[4:]))

"""The server with blocking workers, whose queues are measured."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.helpers.patience import PATIENCE

PORT = 18080


@contextmanager
def serving(queues: str) -> Iterator[None]:
    """Run two workers, which half of the requests keep busy for a moment."""
    command = [sys.executable, "-m", "svcbench.load.io.blocking", str(PORT), "2", queues, "0", "0.02", "0.5"]
    with subprocess.Popen(command) as server:
        try:
            eventually_connected().close()
            yield
        finally:
            server.kill()


def eventually_connected() -> socket.socket:
    """Connect as soon as the server listens."""
    until = time.monotonic() + PATIENCE
    while True:
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", PORT), PATIENCE)
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("queues", ["own", "shared"])
def test_all_workers_answer_one_connection_at_a_time_and_end_with_the_server(queues: str) -> None:
    with serving(queues):
        clients = [socket.create_connection(("127.0.0.1", PORT), PATIENCE) for _ in range(8)]
        for each in clients:
            each.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        answers = [b"".join(iter(lambda each=each: each.recv(1000), b"")) for each in clients]  # type: ignore[misc]
        assert answers == [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"] * 8
        for each in clients:
            each.close()
    until = time.monotonic() + PATIENCE
    with pytest.raises(ConnectionRefusedError):
        while time.monotonic() < until:
            socket.create_connection(("127.0.0.1", PORT), PATIENCE).close()
            time.sleep(0.01)

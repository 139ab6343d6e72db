"""agnhost's ``port-forward-tester``: takes one connection, checks what it is sent, and answers in chunks.

Follows k8s.io/kubernetes ``test/images/agnhost/port-forward-tester``. It is set up by variables of the environment.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Mapping

LINGER_SECONDS = 0.5
"""How long it waits after its last byte, so that the client has it before a reset for what was not read."""


def serve(listener: socket.socket, environment: Mapping[str, str]) -> int:
    """Serve one client on ``listener``, which blocks; return the exit code."""
    connection, _ = listener.accept()
    _say("Accepted client connection")
    with connection:
        expected = environment.get("EXPECTED_CLIENT_DATA", "")
        if expected and (code := _check(connection, expected)):
            return code
        code = _send(connection, environment)
        if code:
            return code
        _say("Shutting down connection")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(LINGER_SECONDS)
    _say("Done")
    return 0


def _check(connection: socket.socket, expected: str) -> int:
    wanted = expected.encode()
    received = connection.recv(len(wanted))
    if len(received) != len(wanted):
        _say(f"Expected to read {len(wanted)} bytes from client, but got {len(received)} instead. err=EOF")
        return 2
    if received != wanted:
        _say(f'Expect to read "{expected}", but got "{received.decode(errors="replace")}". err=<nil>')
        return 3
    _say("Received expected client data")
    return 0


def _send(connection: socket.socket, environment: Mapping[str, str]) -> int:
    numbers: list[int] = []
    for name in ("CHUNKS", "CHUNK_SIZE", "CHUNK_INTERVAL"):
        text = environment.get(name, "")
        if not text.isdecimal():
            _say(f'Error parsing {name} "{text}": strconv.Atoi: parsing "{text}": invalid syntax')
            return 1
        numbers.append(int(text))
    chunks, size, interval = numbers
    for number in range(chunks):
        try:
            connection.sendall(b"x" * size)
        except OSError as error:
            _say(f"Expected to write {size} bytes from client, but wrote 0 instead. err={error.strerror}")
            return 4
        if number + 1 < chunks:
            time.sleep(interval / 1000)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

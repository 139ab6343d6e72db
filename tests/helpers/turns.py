"""Runs of the tests that have to share one network take turns in it, whatever folder and user they are of.

The sign is a listening socket in the abstract namespace: that belongs to the network, needs no file that two users may
write, and is gone with the process, however it ends (unix(7)).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path

ADDRESS = "\0kubesvc/tests"


def take_turn(say: Callable[[str], None], address: str = ADDRESS) -> socket.socket:
    """Return what holds the turn until it is closed; waits as long as another has it, and says so once for each."""
    while True:
        mine = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            mine.bind(address)
        except OSError:
            mine.close()
            _wait_for_other(say, address)
        else:
            mine.listen(128)
            return mine


def _wait_for_other(say: Callable[[str], None], address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        try:
            other.connect(address)
            say(f"waiting for other tests to end: {_process_at(other)}")
            other.recv(1)  # nobody accepts: this is over when the other closes
        except OSError:
            return


def _process_at(other: socket.socket) -> str:
    pid, _, _ = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        return f"process {pid} in {Path(f'/proc/{pid}/cwd').readlink()}"
    except OSError:
        return f"process {pid}, of another user"

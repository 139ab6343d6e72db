"""What lets the tests run beside other work: two runs at once, in two checkouts of one machine or in one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.network_namespace import may_have_own_network
from tests.helpers.patience import PATIENCE
from tests.helpers.turns import take_turn

ROOT = Path(__file__).resolve().parents[2]
LISTENS = """
import socket
from tests.helpers.network_namespace import enter_own_network
enter_own_network()
print(socket.create_server(("127.96.0.10", 10053)).getsockname()[0], flush=True)
input()
"""
HAS_THE_TURN = r"""
import sys
from tests.helpers.turns import take_turn
turn = take_turn(print, "\0" + sys.argv[1])
print("mine", flush=True)
input()
"""


@contextmanager
def python(program: str, *arguments: str) -> Iterator[str]:
    """Have a process until the block ends; yields the first line that it says."""
    command = (sys.executable, "-c", program, *arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("\n", timeout=PATIENCE)


def test_two_processes_that_may_have_networks_of_their_own_listen_at_the_same_address() -> None:
    expected = "127.96.0.10" if may_have_own_network() else ""
    with python(LISTENS) as first, python(LISTENS) as second:
        assert (first, second) == (expected, expected)


def test_who_shares_a_network_waits_for_its_turn_and_says_for_whom() -> None:
    address = f"\0kubesvc/turns/{os.getpid()}"
    said: list[str] = []
    heard = threading.Event()

    def say(words: str) -> None:
        said.append(words)
        heard.set()

    got: list[socket.socket] = []
    with python(HAS_THE_TURN, address.lstrip("\0")) as first:
        assert first == "mine"
        waiting = threading.Thread(target=lambda: got.append(take_turn(say, address)))
        waiting.start()
        assert heard.wait(PATIENCE)
        assert got == []
    waiting.join(PATIENCE)
    (turn,) = got
    turn.close()
    assert len(said) == 1
    assert said[0].startswith("waiting for other tests to end: process ")
    assert said[0].endswith(f" in {ROOT}")

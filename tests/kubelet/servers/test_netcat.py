"""Our own nc, for machines that have none."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.helpers.patience import PATIENCE

from kubelet.servers.netcat import UsageError, read_options

ADDRESS = "127.91.0.1"


def nc(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "kubelet.servers.netcat", *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=PATIENCE, check=False)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server((ADDRESS, 0))) as found:
        yield found


def answer_once(listener: socket.socket, answer: bytes) -> threading.Thread:
    """Answer the first line of one connection, and close it."""

    def serve() -> None:
        accepted, _ = listener.accept()
        with closing(accepted):
            accepted.makefile("rb").readline()
            accepted.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_it_passes_input_to_the_peer_and_the_answer_to_its_output(listener: socket.socket) -> None:
    port = str(listener.getsockname()[1])
    thread = answer_once(listener, b"400 Bad Request\n")
    done = nc("-v", "-t", "-w", "2", ADDRESS, port, given=b"hostName\n")
    thread.join()
    assert (done.returncode, done.stdout) == (0, b"400 Bad Request\n")
    assert done.stderr.decode() == f"Connection to {ADDRESS} {port} port [tcp/*] succeeded!\n"


def test_a_refused_connection_is_told_where_it_is_asked_to_tell(listener: socket.socket) -> None:
    port = str(listener.getsockname()[1])
    listener.close()
    done = nc("-zv", "-w2", ADDRESS, port)
    assert done.returncode == 1
    assert done.stderr.decode() == f"nc: connect to {ADDRESS} port {port} (tcp) failed: Connection refused\n"
    assert nc("-z", ADDRESS, port).stderr == b""


def test_a_datagram_s_answer_is_waited_for() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind((ADDRESS, 0))

        def serve() -> None:
            asked, peer = server.recvfrom(1000)
            server.sendto(asked.upper(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        done = nc("-u", "-w1", ADDRESS, str(server.getsockname()[1]), given=b"echo\n")
        thread.join()
    assert (done.returncode, done.stdout) == (0, b"ECHO\n")


def test_it_ends_after_as_many_packets_as_it_is_told() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind((ADDRESS, 0))

        def serve() -> None:
            _, peer = server.recvfrom(1000)
            for each in (b"one\n", b"two\n", b"three\n"):
                server.sendto(each, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        # Without the limit it would wait for the whole timeout.
        done = nc("-u", "-w", "600", "-W", "2", ADDRESS, str(server.getsockname()[1]), given=b"go\n")
        thread.join()
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\n")


def test_a_listener_takes_one_connection() -> None:
    with closing(socket.create_server((ADDRESS, 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kubelet.servers.netcat", "-lv", ADDRESS, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stderr and process.stderr.readline() == f"Listening on {ADDRESS} {port}\n".encode()
        with closing(socket.create_connection((ADDRESS, port))) as client:
            client.sendall(b"hello")
        assert process.communicate(timeout=PATIENCE)[0] == b"hello"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "flags", "values", "host", "port"),
    [
        (["-zvw3", "web", "80"], "zv", {"w": "3"}, "web", "80"),
        (["-u", "-p", "53", "-s", "127.1.1.1", "a", "9"], "u", {"p": "53", "s": "127.1.1.1"}, "a", "9"),
        (["-lp", "8080"], "l", {"p": "8080"}, "", "8080"),
        (["-lk", "8080"], "lk", {}, "", "8080"),
        (["-l", "127.1.1.1", "8080"], "l", {}, "127.1.1.1", "8080"),
    ],
)
def test_options_are_read_as_nc_reads_them(
    words: list[str], flags: str, values: dict[str, str], host: str, port: str
) -> None:
    found = read_options(words)
    assert (found.flags, found.values, found.host, found.port) == (frozenset(flags), values, host, port)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-y", "web", "80"], "invalid option -- 'y'"),
        (["web"], "missing port number"),
        (["-w", "soon", "web", "80"], "timeout is invalid: soon"),
        (["a", "b", "c"], "missing port number"),
    ],
)
def test_what_nc_does_not_take_is_refused(words: list[str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        read_options(words)


def test_a_name_that_is_none_is_said() -> None:
    done = nc("nobody.invalid", "80")
    assert done.returncode == 1
    assert done.stderr.startswith(b'nc: getaddrinfo for host "nobody.invalid" port 80: ')

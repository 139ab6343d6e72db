from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.helpers.kubesvc.lock import lock_holder

from kubesvc.control.client import ControlClient, UnreachableError
from kubesvc.state.directory import StateDirectory


@contextmanager
def answering(state: StateDirectory, *answers: bytes) -> Iterator[None]:
    """Be a cluster that answers one request with these bytes and then goes away; with none it never answers."""
    state.path.mkdir(parents=True, exist_ok=True)
    is_over = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            for answer in answers:
                client.sendall(answer)
            if not answers:
                is_over.wait(10)

    with state.bind_socket() as listener:
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


@pytest.mark.parametrize(
    ("name", "option"), [pytest.param("default", "", id="default"), pytest.param("shop", " --name shop", id="named")]
)
def test_without_a_cluster_the_error_says_how_to_start_one(tmp_path: Path, name: str, option: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        ControlClient(StateDirectory(name, tmp_path)).status()
    assert str(caught.value) == f'cluster "{name}" is not running; start it with `kubesvc up PATH...{option}`'


def test_a_socket_that_a_crash_left_is_no_cluster(tmp_path: Path) -> None:
    state = StateDirectory("shop", tmp_path)
    state.path.mkdir()
    state.bind_socket().close()
    with pytest.raises(UnreachableError, match="is not running"):
        ControlClient(state).status()


def test_a_cluster_without_a_socket_is_starting_or_hangs(tmp_path: Path) -> None:
    state = StateDirectory("shop", tmp_path)
    with lock_holder(state) as holder, pytest.raises(UnreachableError) as caught:
        ControlClient(state).status()
    assert str(caught.value) == (
        f'cluster "shop" (pid {holder.pid}) does not answer: it is still starting, or it hangs; '
        "`kubesvc down --name shop` ends it"
    )


def test_a_cluster_that_hangs_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    state = StateDirectory("shop", tmp_path)
    with answering(state), pytest.raises(UnreachableError):
        ControlClient(state, timeout=0.05).status()


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b'{"name"'), id="short-body"),
        pytest.param((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nab"), id="short-chunk"),
        pytest.param((b"HTTP/1.1 200 OK\r\nContent-Le",), id="short-head"),
        pytest.param((b"\r\n",), id="nothing"),
    ],
)
def test_a_cluster_that_vanishes_is_said_and_no_traceback(tmp_path: Path, answers: tuple[bytes, ...]) -> None:
    state = StateDirectory("shop", tmp_path)
    with answering(state, *answers), pytest.raises(UnreachableError):
        ControlClient(state).status()


def test_a_log_that_breaks_off_gives_what_came_and_then_says_so(tmp_path: Path) -> None:
    state = StateDirectory("shop", tmp_path)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n"
    with answering(state, head):
        chunks = ControlClient(state).logs(pod="web")
        assert next(chunks) == b"one\n"
        with pytest.raises(UnreachableError, match=r'^cluster "shop" closed the connection while it answered$'):
            next(chunks)


def test_the_client_asks_over_a_unix_socket(tmp_path: Path) -> None:
    state = StateDirectory("shop", tmp_path)
    with answering(state, b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"name": "shop"}'):
        assert ControlClient(state).status() == {"name": "shop"}

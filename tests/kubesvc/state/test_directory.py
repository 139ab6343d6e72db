from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from tests.helpers.kubesvc.lock import lock_holder

from kubesvc.state.directory import AlreadyRunningError, StateDirectory, is_cluster_name, state_root


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory("shop", tmp_path / "kubesvc")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        pytest.param("default", True, id="default"),
        pytest.param("a", True, id="one-letter"),
        pytest.param("0", True, id="digit"),
        pytest.param("a-b-1", True, id="dashes"),
        pytest.param("a" * 63, True, id="63"),
        pytest.param("a" * 64, False, id="64"),
        pytest.param("", False, id="empty"),
        pytest.param("-a", False, id="dash-first"),
        pytest.param("a-", False, id="dash-last"),
        pytest.param("A", False, id="upper-case"),
        pytest.param("a.b", False, id="dot"),
        pytest.param("..", False, id="parent-directory"),
        pytest.param("a/b", False, id="slash"),
        pytest.param("a\n", False, id="newline"),
        pytest.param("ä", False, id="umlaut"),
    ],
)
def test_a_cluster_name_is_a_dns_label(name: str, is_good: bool) -> None:
    assert is_cluster_name(name) is is_good


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        pytest.param({"XDG_STATE_HOME": "/var/state", "HOME": "/home/a"}, "/var/state/kubesvc", id="xdg"),
        pytest.param({"HOME": "/home/a"}, "/home/a/.local/state/kubesvc", id="home"),
        pytest.param({"XDG_STATE_HOME": "relative", "HOME": "/home/a"}, "/home/a/.local/state/kubesvc", id="relative"),
        pytest.param({"XDG_STATE_HOME": "", "HOME": "/home/a"}, "/home/a/.local/state/kubesvc", id="empty"),
    ],
)
def test_the_state_is_where_xdg_wants_it(environ: dict[str, str], root: str) -> None:
    assert state_root(environ) == Path(root)


def test_the_directory_belongs_to_its_owner_alone(state: StateDirectory) -> None:
    state.path.mkdir(parents=True, mode=0o755)
    with state.locked():
        assert mode(state.path) == 0o700
        os.close(state.open_log())
        assert mode(state.log) == 0o600


def test_a_lock_of_another_process_is_refused_with_its_pid_and_the_way_out(state: StateDirectory) -> None:
    with lock_holder(state) as holder:
        expected = (
            f'cluster "shop" is already running (pid {holder.pid}): '
            "stop it with `kubesvc down --name shop`, or give this one another --name"
        )
        with pytest.raises(AlreadyRunningError, match=f"^{re.escape(expected)}$"), state.locked():
            raise AssertionError


def test_a_killed_holder_leaves_nothing_that_blocks(state: StateDirectory) -> None:
    with lock_holder(state) as holder:
        assert state.owner() == holder.pid
        holder.kill()
        holder.wait()
        assert state.owner() is None
        with state.locked():
            pass


def test_a_refused_lock_does_not_take_the_lock_from_its_owner(state: StateDirectory) -> None:
    with lock_holder(state) as holder:
        for _ in range(2):
            with pytest.raises(AlreadyRunningError), state.locked():
                raise AssertionError
            assert state.owner() == holder.pid


def test_a_cluster_that_starts_waits_for_who_cleans_up(state: StateDirectory) -> None:
    state.path.mkdir(parents=True)
    order: list[str] = []

    def start() -> None:
        with state.locked():
            order.append("started")

    with lock_holder(state, is_cleaning=True) as holder:
        assert state.owner() is None
        starting = threading.Thread(target=start)
        starting.start()
        order.append("cleaned up")
        holder.communicate()
        starting.join()
    assert order == ["cleaned up", "started"]


def test_nobody_cleans_up_after_a_cluster_that_runs_or_twice_at_once(state: StateDirectory) -> None:
    with lock_holder(state) as holder:
        with pytest.raises(AlreadyRunningError), state.cleaning():
            raise AssertionError
        assert state.owner() == holder.pid
    with lock_holder(state, is_cleaning=True), pytest.raises(AlreadyRunningError), state.cleaning():
        raise AssertionError


def test_nobody_owns_what_was_never_made(state: StateDirectory) -> None:
    assert state.owner() is None
    assert not state.path.exists()


def test_a_directory_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), StateDirectory("a", tmp_path / "file").locked():
        raise AssertionError
    assert StateDirectory("a", tmp_path / "file").owner() is None


def test_the_control_socket_is_private_and_answers(state: StateDirectory) -> None:
    with state.locked(), state.bind_socket() as listener:
        listener.listen()
        assert mode(state.control_socket) == 0o600
        with state.connect_socket(1.0) as client:
            accepted, _ = listener.accept()
            with accepted:
                client.sendall(b"ping")
                assert accepted.recv(4) == b"ping"


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    state = StateDirectory("a" * 63, tmp_path / ("b" * 100))
    assert len(str(state.control_socket)) > 108
    with state.locked(), state.bind_socket() as listener:
        listener.listen()
        state.connect_socket(1.0).close()


def test_a_socket_that_a_crash_left_is_replaced(state: StateDirectory) -> None:
    with state.locked():
        state.bind_socket().close()
        with pytest.raises(ConnectionRefusedError):
            state.connect_socket(1.0)
        with state.bind_socket() as listener:
            listener.listen()
            state.connect_socket(1.0).close()


def test_a_socket_that_cannot_be_bound_is_an_os_error(state: StateDirectory) -> None:
    state.control_socket.mkdir(parents=True)
    with state.locked(), pytest.raises(IsADirectoryError):
        state.bind_socket()


def test_connecting_to_nothing_is_an_os_error(state: StateDirectory) -> None:
    with pytest.raises(FileNotFoundError):
        state.connect_socket(1.0)


def test_sweeping_removes_what_the_last_run_left_but_not_the_logs(state: StateDirectory) -> None:
    with state.locked():
        for file in (state.work / "a" / "nginx.conf", state.pod_logs / "0.log", state.control_socket, state.log):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("old")
        state.sweep()
        assert sorted(each.name for each in state.path.iterdir()) == ["kubesvc.log", "lock", "pods"]


def test_the_log_starts_empty(state: StateDirectory) -> None:
    with state.locked():
        state.log.write_text("of the last run")
        log = state.open_log()
        os.write(log, b"new\n")
        os.close(log)
    assert state.log.read_text() == "new\n"

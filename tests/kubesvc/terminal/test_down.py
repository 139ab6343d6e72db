from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.helpers.kubesvc.lock import lock_holder

from kubelet.process.orphans import marker
from kubesvc.remote.connect.hostsfile import HostsFile
from kubesvc.state.directory import StateDirectory
from kubesvc.terminal import down
from kubesvc.terminal.down import stop_cluster


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory("shop", tmp_path)


@contextmanager
def orphan(state: StateDirectory) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process that looks like a pod of a cluster that is gone."""
    command = [sys.executable, "-S", "-c", "print(1, flush=True); import time; time.sleep(60)"]
    environment = {**os.environ, **marker(state.name, state.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_without_a_cluster_it_says_so_and_makes_nothing(state: StateDirectory) -> None:
    assert stop_cluster(state, 1.0) == 'cluster "shop" is not running'
    assert not state.path.exists()


def test_what_a_crash_left_is_ended(state: StateDirectory) -> None:
    state.path.mkdir()
    state.bind_socket().close()
    with orphan(state) as process:
        assert stop_cluster(state, 1.0) == 'cluster "shop" is not running; ended 1 process that it had left'
        assert process.wait(10) == -signal.SIGKILL
    assert not state.control_socket.exists()


def test_nothing_stays_of_a_mirror_that_was_killed_but_what_a_cluster_of_its_own_has(state: StateDirectory) -> None:
    state.path.mkdir()
    state.kubeconfig.touch()
    state.database.touch()
    stop_cluster(state, 1.0)
    assert state.kubeconfig.exists()
    state.database.unlink()
    stop_cluster(state, 1.0)
    assert not state.path.exists()


def test_lines_of_hosts_go_even_where_the_folder_has_gone(
    state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "hosts"
    HostsFile("shop", hosts).write(())
    assert not hosts.exists()
    hosts.touch()
    HostsFile("shop", hosts).write(["127.96.0.2 web"])
    monkeypatch.setattr(down, "HostsFile", partial(HostsFile, path=hosts))
    assert stop_cluster(state, 1.0) == 'cluster "shop" is not running'
    assert hosts.read_text() == ""


def test_processes_of_another_cluster_are_left_alone(state: StateDirectory) -> None:
    state.path.mkdir()
    with orphan(StateDirectory("other", state.path.parent)) as process:
        assert stop_cluster(state, 1.0) == 'cluster "shop" is not running'
        assert process.poll() is None


def test_a_cluster_that_is_still_starting_is_asked_by_signal(state: StateDirectory) -> None:
    with lock_holder(state) as holder:
        assert stop_cluster(state, 10.0) == 'cluster "shop" stopped'
        assert holder.wait(10) == -signal.SIGTERM


def test_a_cluster_that_does_not_end_is_killed_when_time_is_up(state: StateDirectory) -> None:
    with lock_holder(state, is_stubborn=True) as holder, orphan(state) as process:
        assert stop_cluster(state, 0.1) == (
            'cluster "shop" did not stop in time and was killed; ended 1 process that it had left'
        )
        assert holder.wait(10) == -signal.SIGKILL
        assert process.wait(10) == -signal.SIGKILL


def test_a_cluster_that_hangs_with_an_open_socket_is_killed_too(state: StateDirectory) -> None:
    with lock_holder(state) as holder, state.bind_socket() as listener:
        listener.listen()
        os.kill(holder.pid, signal.SIGSTOP)
        assert stop_cluster(state, 0.1) == 'cluster "shop" did not stop in time and was killed'


def test_a_cluster_that_was_started_again_meanwhile_keeps_its_processes(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one ends and the new one has the lock before anything is cleaned up."""
    with ExitStack() as stack:
        old = stack.enter_context(lock_holder(state, is_stubborn=True))
        pod = stack.enter_context(orphan(state))

        def start_again(pid: int, number: int) -> None:
            monkeypatch.undo()
            assert (pid, number) == (old.pid, signal.SIGTERM)
            old.kill()
            old.wait()
            stack.enter_context(lock_holder(state))

        monkeypatch.setattr("kubesvc.terminal.down.os.kill", start_again)
        assert stop_cluster(state, 10.0) == 'cluster "shop" stopped'
        assert pod.poll() is None

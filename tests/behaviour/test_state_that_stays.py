"""What one run leaves to the next one of its name, and that whoever starts that is told."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import service, write

from kubesvc.network.loopback import PORT_SHIFT, read_low_ports

GROUND, OTHER_GROUND = Ground(14), Ground(15)


@pytest.fixture
def commands(tmp_path: Path) -> ClusterCommands:
    return ClusterCommands(tmp_path, "own")


def test_objects_of_another_folder_start_again_and_that_is_said_until_they_are_forgotten(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    first = write(tmp_path / "a.yaml", GROUND.configuration(), service("a"))
    second = write(tmp_path / "b.yaml", GROUND.configuration(), service("b"))
    with running(commands, first):
        assert "objects of earlier runs" not in commands.started.stderr
    with running(commands, first):
        assert "objects of earlier runs" not in commands.started.stderr
    with running(commands, second):
        assert commands.started.stderr.splitlines()[0] == (
            f'Warning: cluster "own" starts with 1 object of earlier runs, from {first}: service/a; '
            "to start without them: `kubesvc down --purge --name own` before `kubesvc up`"
        )
        assert commands.service("a")
    assert commands.named("down", "--purge").returncode == 0
    with running(commands, second):
        assert "objects of earlier runs" not in commands.started.stderr
        assert "a" not in {each["name"] for each in commands.status()["services"]}


def test_a_start_that_fails_keeps_nothing(commands: ClusterCommands, tmp_path: Path) -> None:
    port = 53 if read_low_ports().can_bind(53) else 53 + PORT_SHIFT
    file = write(tmp_path / "a.yaml", GROUND.configuration(), service("a"))
    with closing(socket.socket()) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((f"{GROUND.services}.0.10", port))
        holder.listen()
        result = commands.up(file)
    assert (result.returncode, "DNS cannot be served at" in result.stderr) == (1, True)
    assert not (commands.state / "cluster.db").exists()
    with running(commands, write(tmp_path / "a.yaml", OTHER_GROUND.configuration(), service("a"))):
        assert commands.service("a")["clusterIP"].startswith(f"{OTHER_GROUND.services}.")

"""Programs that stand for images: found from the file that names them, wherever the command is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import pod, write

GROUND = Ground(14)
IMAGES = """\
images:
  - {name: script, command: [./says]}
  - {name: argument, command: [sh, says]}
  - {name: below, command: [sh, ../says], workingDir: sub}
"""


def test_a_relative_command_is_found_from_the_folder_of_its_file_also_when_the_cluster_starts_again_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for each in (home / "sub", elsewhere):
        each.mkdir(parents=True)
    says = home / "says"
    says.write_text("#!/bin/sh\npwd -P\nexec sleep 3600\n")
    says.chmod(0o755)
    pods = [pod(name, {"name": name, "image": name}) for name in ("script", "argument", "below")]
    file = write(home / "cluster.yaml", GROUND.configuration(IMAGES), *pods)
    monkeypatch.chdir(elsewhere)
    commands = ClusterCommands(tmp_path / "state", "own")
    for arguments in ((file,), ()):
        with running(commands, *arguments):
            for name, folder in (("script", home), ("argument", home), ("below", home / "sub")):
                said = f"{folder.resolve()}\n"
                assert eventually(lambda: commands.named("logs", name).stdout == said), commands.named("logs", name)  # noqa: B023

"""Files of volumes that change all at once, on a real file system."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kubelet.pod.files.volumes import Files, VolumeFile
from kubelet.runtime.atomicwriter import AtomicWriter

ROOT = Path(__file__).parents[3]


def text(content: str, mode: int = 0o644) -> VolumeFile:
    return VolumeFile(content.encode(), mode)


def tree(folder: Path) -> dict[str, str]:
    """Return the contents of all files by the paths that programs use."""
    names = [each for each in folder.iterdir() if not each.name.startswith("..")]
    files = [path for each in names for path in (each, *each.rglob("*")) if path.is_file()]
    return {str(each.relative_to(folder)): each.read_text() for each in files}


@pytest.mark.parametrize(
    "files",
    [
        {"a": text("A"), "b": text("B")},
        {"d/e/f": text("deep"), "d/g": text("G")},
        {},
    ],
    ids=["more, and one that has gone", "folders", "none"],
)
def test_files_are_replaced(tmp_path: Path, files: Files) -> None:
    writer = AtomicWriter(tmp_path)
    writer.write({"a": text("old"), "gone": text("old"), "x/y": text("old")})
    assert writer.write(files)
    assert tree(tmp_path) == {path: each.content.decode() for path, each in files.items()}
    folders = [each for each in tmp_path.iterdir() if each.is_dir() and not each.is_symlink()]
    assert [each.name for each in folders] == [str((tmp_path / "..data").readlink())]


def test_a_reader_of_the_folder_sees_the_names_of_kubernetes(tmp_path: Path) -> None:
    AtomicWriter(tmp_path).write({"key": text("value"), "d/e": text("deep")})
    assert (tmp_path / "key").readlink() == Path("..data/key")
    assert (tmp_path / "d").readlink() == Path("..data/d")


def test_the_same_files_are_not_written_again(tmp_path: Path) -> None:
    writer = AtomicWriter(tmp_path)
    writer.write({"a": text("A")})
    before = (tmp_path / "..data").readlink()
    assert not writer.write({"a": text("A")})
    assert (tmp_path / "..data").readlink() == before


def test_files_have_their_modes_and_the_pods_group_reads_them(tmp_path: Path) -> None:
    AtomicWriter(tmp_path, os.getgid()).write({"secret": text("s", 0o400), "program": text("p", 0o755)})
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("secret", "program")}
    assert modes == {"secret": 0o440, "program": 0o755}


def test_a_folder_that_another_volume_is_mounted_on_stays(tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    writer = AtomicWriter(tmp_path)
    for name in ("a", "b"):
        writer.write({name: text(name)})
    assert (tmp_path / "mount").is_dir()


def test_a_full_disk_leaves_the_old_files_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.kubelet.full_disk_process", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == ["No space left on device", "old", ["..data", "key"], 1]

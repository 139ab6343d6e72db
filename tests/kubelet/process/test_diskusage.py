"""How much is in a folder, and what is mounted where."""

from __future__ import annotations

import os
from pathlib import Path

from kubelet.process.diskusage import folder_usage, memory_usage
from kubelet.sandbox.mounttable import FileSystem, file_systems


def test_a_folder_has_the_blocks_of_all_files_below_it(tmp_path: Path) -> None:
    empty = folder_usage(tmp_path)
    deep = tmp_path / "deep" / "er"
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x" * 1_000_000)
    (deep / "link").symlink_to("/usr")
    (deep / "hole").write_bytes(b"")
    os.truncate(deep / "hole", 1 << 30)
    assert empty == 0
    assert 1_000_000 <= folder_usage(tmp_path) < 1_200_000
    assert folder_usage(tmp_path / "none") == 0


def test_a_process_without_file_systems_of_its_own_has_nothing_in_them() -> None:
    assert memory_usage(os.getpid(), ()) == 0
    assert memory_usage(2**22 + 1, ()) == 0


def test_the_last_mount_at_a_path_hides_the_others() -> None:
    lines = [
        b"1 0 0:20 / / rw - tmpfs tmpfs rw\n",
        b"2 1 0:21 / /my\\040files rw shared:7 - tmpfs tmpfs rw\n",
        b"3 2 0:22 / /my\\040files rw,nosuid - overlay overlay rw,lowerdir=/a\n",
    ]
    assert file_systems(lines) == {"/": FileSystem("0:20", "tmpfs"), "/my files": FileSystem("0:22", "overlay")}

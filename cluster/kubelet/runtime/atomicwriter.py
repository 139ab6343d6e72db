"""Files that change all at once: readers see the old ones or the new ones, never some of each.

Follows k8s.io/kubernetes ``pkg/volume/util/atomic_writer.go``: the files are in a folder that is named for the time,
``..data`` is a link to it, and each file's own name is a link through ``..data``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from kubelet.pod.files.volumes import Files, VolumeFile

DATA, NEW_DATA = "..data", "..data_tmp"


class AtomicWriter:
    """The files of one folder. ``group`` owns them if it is not None, and may read them."""

    def __init__(self, folder: Path, group: int | None = None) -> None:
        self._folder = folder
        self._group = group
        self._files: Files | None = None

    def write(self, files: Files) -> bool:
        """Replace all files; return whether anything has changed. OSError: then everything is as it was."""
        if files == self._files:
            return False
        before = self._folder / DATA
        old = before.readlink() if before.is_symlink() else None
        time = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.")
        new = Path(tempfile.mkdtemp(prefix=time, dir=self._folder))
        try:
            new.chmod(0o755)
            for path, file in files.items():
                self._write_file(new / path, file)
            link = self._folder / NEW_DATA
            link.unlink(missing_ok=True)
            link.symlink_to(new.name)
            link.rename(before)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        self._files = files
        self._link({PurePosixPath(each).parts[0] for each in files})
        if old is not None:
            shutil.rmtree(self._folder / old, ignore_errors=True)
        return True

    def _write_file(self, path: Path, file: VolumeFile) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = file.mode if self._group is None else file.mode | 0o440
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(file.content)
            if self._group is not None:
                # An ordinary user's containers have that user's files anyhow, whatever group they have.
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, -1, self._group)
            os.fchmod(descriptor, mode)

    def _link(self, names: set[str]) -> None:
        for each in self._folder.iterdir():
            if each.is_symlink() and not each.name.startswith("..") and each.name not in names:
                each.unlink()
        for name in names:
            link = self._folder / name
            if not link.is_symlink():
                link.symlink_to(f"{DATA}/{name}")

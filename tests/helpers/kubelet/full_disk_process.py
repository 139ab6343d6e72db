"""Writes files to a volume on a disk of 64 KiB: what fits, and then too much. Its argument is a folder.

It writes to stdout the error and, as JSON, what readers find afterwards.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.helpers.kubelet.container_process import enter_namespaces

from kubelet.pod.files.volumes import VolumeFile
from kubelet.runtime.atomicwriter import AtomicWriter
from kubelet.sandbox.io.mounting import mount_tmpfs

folder = Path(sys.argv[1])
enter_namespaces()
mount_tmpfs(str(folder), 64 << 10)
writer = AtomicWriter(folder)
writer.write({"key": VolumeFile(b"old", 0o644)})
try:
    writer.write({"key": VolumeFile(b"new" * (1 << 20), 0o644), "other": VolumeFile(b"new", 0o644)})
except OSError as error:
    found = sorted(each.name for each in folder.iterdir() if each.is_symlink())
    folders = sum(each.is_dir() and not each.is_symlink() for each in folder.iterdir())
    sys.stdout.write(json.dumps([error.strerror, (folder / "key").read_text(), found, folders]))

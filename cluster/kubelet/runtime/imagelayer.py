"""Writes the files that an image brings along into a folder of the container, from which they are mounted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kubehost.folders import remove_folder
from kubelet.images.layer import LayerPart
from kubelet.pod.files.volumes import Files
from kubelet.spec.sandbox import Mount


def write_layer(folder: Path, parts: Iterable[LayerPart]) -> tuple[Mount, ...]:
    """Write the parts anew into ``folder`` and return their mounts; OSError."""
    remove_folder(folder)
    mounts: list[Mount] = []
    for number, part in enumerate(parts):
        if part.machine:
            mounts.append(Mount(part.target, part.machine, is_read_only=True))
            continue
        source = folder / str(number)
        source.parent.mkdir(parents=True, exist_ok=True)
        _write(source, part)
        mounts.append(Mount(part.target, str(source), is_copied=part.is_movable))
    return tuple(mounts)


def write_files(folder: Path, files: Files) -> None:
    """Write the files of an image for a volume into ``folder``; OSError."""
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)


def _write(source: Path, part: LayerPart) -> None:
    if part.files is None:
        source.write_text(_machines_own(part) + part.content, errors="surrogateescape")
        source.chmod(0o755 if part.is_executable else 0o644)
        return
    source.mkdir()
    source.chmod(0o755)
    for name, content in part.files.items():
        (source / name).write_text(content)
        (source / name).chmod(0o644)
    for name, target in part.links.items():
        (source / name).symlink_to(target)


def _machines_own(part: LayerPart) -> str:
    if not part.is_added:
        return ""
    try:
        return Path(part.target).read_text(errors="surrogateescape")
    except OSError:
        return ""

"""The part of /etc/hosts that `kubesvc connect --hosts` maintains: between two comments, for one cluster."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

HOSTS = Path(os.sep, "etc", "hosts")


def with_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Return the text of a hosts file with the lines of a cluster in place of its former ones; pure.

    Without lines it has no such part. A part without an end, which a full disk may leave, ends with the file.
    """
    first, last = (f"# {word} kubesvc connect, cluster {name}" for word in ("begin", "end"))
    if not lines and first not in text.split("\n"):
        return text
    kept: list[str] = []
    is_inside = False
    for line in text.removesuffix("\n").split("\n") if text else ():
        is_inside = is_inside or line == first
        if not is_inside:
            kept.append(line)
        is_inside = is_inside and line != last
    if lines:
        kept += [first, *lines, last]
    return "".join(f"{line}\n" for line in kept)


class HostsFile:
    """Writes the lines of one cluster. OSError."""

    def __init__(self, name: str, path: Path = HOSTS) -> None:
        self._name = name
        self._path = path

    def write(self, lines: Sequence[str]) -> None:
        """Have these lines in the file, none to remove the part.

        In place: where the file is mounted, as in a container, no other file can take its name.
        """
        before = self._path.read_bytes() if lines or self._path.exists() else b""
        if self._with(before, lines) == before:
            return  # a user who may not write it has nothing there, and is not refused
        with self._path.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another cluster's `connect` may be at it
            before = file.read()
            try:
                _replace(file, self._with(before, lines))
            except OSError:
                _replace(file, before)
                raise

    def _with(self, content: bytes, lines: Sequence[str]) -> bytes:
        text = content.decode(errors="surrogateescape")
        return with_block(text, self._name, lines).encode(errors="surrogateescape")


def _replace(file: FileIO, content: bytes) -> None:
    """Have a file contain this alone; OSError.

    Its end goes last: an emptied file would give away, on a full disk, the room of the lines that are not ours.
    """
    file.seek(0)
    written = 0
    while written < len(content):
        written += file.write(content[written:])
    file.truncate(written)

"""The part of /etc/hosts that `kubesvc connect --hosts` maintains: between two comments, for one cluster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

HOSTS = Path(os.sep, "etc", "hosts")


def with_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Return the text of a hosts file with the lines of a cluster in place of its former ones; pure.

    Without lines it has no such part. A part without an end, which a full disk may leave, ends with the file.
    """
    first, last = (f"# {word} kubesvc connect, cluster {name}" for word in ("begin", "end"))
    kept: list[str] = []
    is_inside = False
    for line in text.splitlines():
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
        before = self._path.read_text()
        after = with_block(before, self._name, lines)
        if after != before:
            self._path.write_text(after)

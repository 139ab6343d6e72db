"""Which mounts of a namespace can be reached by their paths, as proc(5) lists them in mountinfo. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class _Mount(NamedTuple):
    number: str
    parent: str
    path: str


def visible_mounts(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the paths of mounts, each after the one that it is on; those that others hide are left out.

    A machine has mounts below /sys and /run, over which a container has others: they stay in the list, and their paths
    lead elsewhere or nowhere.
    """
    mounts = [_read(line) for line in lines]
    on: dict[str, list[_Mount]] = {}
    for each in mounts:
        on.setdefault(each.parent, []).append(each)
    known = {each.number for each in mounts}
    for each in mounts:
        if each.parent not in known or each.parent == each.number:
            yield from _at_or_below(each, on)


def _at_or_below(mount: _Mount, on: dict[str, list[_Mount]]) -> Iterator[str]:
    others = [each for each in on.get(mount.number, ()) if each.number != mount.number]
    for each in others:
        if each.path == mount.path:
            yield from _at_or_below(each, on)
            return
    yield mount.path
    for each in others:
        if not any(each.path.startswith(f"{other.path}/") for other in others):
            yield from _at_or_below(each, on)


class FileSystem(NamedTuple):
    """What is mounted: its device as "major:minor", and its kind (tmpfs, overlay, ext4 ...)."""

    device: str
    kind: str


def file_systems(lines: Iterable[bytes]) -> dict[str, FileSystem]:
    """Return what is mounted at each path; of several at one path the last, which hides the others."""
    found: dict[str, FileSystem] = {}
    for line in lines:
        fields, _, rest = line.partition(b" - ")
        found[_path(fields.split(b" ", 5)[4])] = FileSystem(fields.split(b" ", 3)[2].decode(), rest.split()[0].decode())
    return found


def _read(line: bytes) -> _Mount:
    number, parent, _, _, path = line.split(b" ", 5)[:5]
    return _Mount(number.decode(), parent.decode(), _path(path))


def _path(field: bytes) -> str:
    if b"\\" in field:  # spaces and such, as octal numbers
        field = field.decode("unicode_escape").encode("latin-1")
    return os.fsdecode(field)

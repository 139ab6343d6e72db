"""Which files the input is.

Found by kubectl's rule: a file that is named is read whatever its extension; a folder gives its .json, .yaml and .yml
files, sorted, without its subfolders and hidden files; ``-`` is standard input. The only file here that does IO.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from kubesvc.manifests.documents import Loaded, sort_out
from kubesvc.manifests.faults import Fault
from kubesvc.manifests.reading import Tree, read_text

EXTENSIONS = (".json", ".yaml", ".yml")
MAX_BYTES = 64 * 2**20
"""Bound of one file; 100,000 Services are about 30 MiB."""

STDIN = "-"


def load(paths: Sequence[str], stdin: TextIO) -> Loaded:
    """Read the files, folders and ``-`` of the command line; a file that is named twice is read once."""
    faults: list[Fault] = []
    texts: dict[str, tuple[str, str]] = {}
    for path in paths:
        for identity, source, read in _sources(path, stdin, faults):
            if identity not in texts and (text := _attempt(read, source, faults)) is not None:
                texts[identity] = (source, text)
    trees: list[tuple[str, Tree]] = []
    for source, text in texts.values():
        found, broken = read_text(text, source)
        trees += [(source, tree) for tree in found]
        faults += broken
    if not trees and not faults:
        faults.append(
            Fault(", ".join(paths), 0, 0, "", "there are no objects in it", "name files or folders of manifests")
        )
    return sort_out(trees, faults)


def load_text(text: str, source: str) -> Loaded:
    """Return what a text says that is in no file; ``source`` is what its faults name."""
    trees, faults = read_text(text, source)
    return sort_out([(source, tree) for tree in trees], faults)


_Read = Callable[[], bytes]


def _sources(path: str, stdin: TextIO, faults: list[Fault]) -> Iterator[tuple[str, str, _Read]]:
    """Yield identity, name and reader of every file that one argument means."""
    if path == STDIN:
        # What was no UTF-8 came in as surrogates, or not, as the locale has it; it is told as for a file.
        yield STDIN, "<stdin>", lambda: stdin.read(MAX_BYTES + 1).encode(errors="surrogateescape")
    elif os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a parent is closed to us
        for file in _files_of(path, faults):
            yield os.path.realpath(file), str(file), _reader_of(file)
    else:
        yield os.path.realpath(path), path, _reader_of(Path(path))


def _files_of(folder: str, faults: list[Fault]) -> list[Path]:
    try:
        files = sorted(each for each in Path(folder).iterdir() if each.suffix in EXTENSIONS and each.name[0] != ".")
    except OSError as error:
        faults.append(Fault(folder, 0, 0, "", f"cannot be read: {error.strerror}"))
        return []
    if not files:
        faults.append(Fault(folder, 0, 0, "", f"the folder has no files that end in {', '.join(EXTENSIONS)}"))
    return files


def _reader_of(file: Path) -> _Read:
    def read() -> bytes:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)

    return read


def _attempt(read: _Read, source: str, faults: list[Fault]) -> str | None:
    try:
        content = read()
        if len(content) > MAX_BYTES:
            faults.append(Fault(source, 0, 0, "", f"the file is larger than {MAX_BYTES // 2**20} MiB"))
            return None
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.append(Fault(source, line, 1, "", "this is not UTF-8 text", "save the file as UTF-8"))
    except FileNotFoundError:
        hint = "download it first: kubesvc reads only files" if "://" in source else ""
        faults.append(Fault(source, 0, 0, "", f'the path "{source}" does not exist', hint))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        faults.append(Fault(source, 0, 0, "", f"cannot be read: {reason}"))
    return None

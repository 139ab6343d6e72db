"""Finds and reads the files of the input.

Found by kubectl's rule: a file that is named is read whatever its extension; a folder gives its .json, .yaml and .yml
files, sorted, without its subfolders and hidden files; ``-`` is standard input. A byte order mark decides between
UTF-8 and UTF-16 (k8s.io/cli-runtime ``resource/visitor.go``). A kustomization is not read: ``kubectl
kustomize`` builds it. The only file here that does IO.
"""

from __future__ import annotations

import codecs
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from kubemanifest.classifying import read_documents
from kubemanifest.documents import Document, Loaded
from kubemanifest.faults import Fault
from kubemanifest.reading import Tree, read_text

EXTENSIONS = (".json", ".yaml", ".yml")
MAX_BYTES = 64 * 2**20
"""Bound of one file; 100,000 Services are about 30 MiB."""

STDIN = "-"
_STDIN_NAME = "<stdin>"
_UTF_8 = "save the file as UTF-8"

KUSTOMIZATIONS = ("Kustomization", "kustomization.yaml", "kustomization.yml")
"""Names by which kustomize knows its file."""


def load(paths: Sequence[str], stdin: TextIO, stdin_name: str = _STDIN_NAME) -> Loaded:
    """Read the files, folders and ``-`` of the command line; a file that is named twice is read once.

    Faults name ``-`` as the file ``stdin_name``.
    """
    faults: list[Fault] = []
    warnings: list[Fault] = []
    texts: dict[str, tuple[str, str]] = {}
    for path in paths:
        for identity, source, read in _sources(path, stdin, faults, warnings):
            source = stdin_name if identity == STDIN else source
            if identity not in texts and (text := _attempt(read, source, faults, warnings)) is not None:
                texts[identity] = (source, text)
    trees: list[tuple[str, Tree]] = []
    for source, text in texts.values():
        found = read_text(text, source)
        trees += [(source, tree) for tree in found.trees]
        faults += found.faults
        warnings += found.warnings
    if not trees and not faults:
        hint = next((each.hint for each in warnings if not each.line), "name files or folders of manifests")
        faults.append(Fault(", ".join(paths), 0, 0, "", "there are no objects in it", hint))
    loaded = read_documents(trees, faults, warnings)
    own = loaded.configuration
    return loaded if own is None else loaded._replace(configuration=_in_its_folder(own, stdin_name))


def _in_its_folder(document: Document, stdin_name: str) -> Document:
    """Return a configuration with programs that run in the folder of its file, wherever the cluster is started from.

    A configuration from no file belongs to the working directory. Faults of the entries are found later.
    """
    file = Path(document.source)
    folder = Path.cwd() if document.source == stdin_name else file.absolute().parent
    programs: dict[str, Any] = {}
    for name in ("images", "externalHosts"):
        if isinstance(entries := document.obj.get(name), list):
            programs[name] = [_placed(each, folder) for each in entries]
    return document._replace(obj={**document.obj, **programs})


def _placed(entry: Any, folder: Path) -> Any:
    given = entry.get("workingDir") or "" if isinstance(entry, dict) and "command" in entry else None
    return {**entry, "workingDir": str(folder / given)} if isinstance(given, str) else entry


def load_text(text: str, source: str) -> Loaded:
    """Return the objects of a text that is in no file; its faults name it ``source``."""
    found = read_text(text, source)
    return read_documents([(source, tree) for tree in found.trees], found.faults, found.warnings)


_Read = Callable[[], bytes]


def _sources(path: str, stdin: TextIO, faults: list[Fault], warnings: list[Fault]) -> Iterator[tuple[str, str, _Read]]:
    """Yield identity, name and reader of every file that one argument means."""
    if path == STDIN:
        yield STDIN, _STDIN_NAME, lambda: _read_stream(stdin)
        return
    files = [Path(path)]
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a parent is closed to us
        files = _files_of(path, faults)
    for file in files:
        source = path if file == Path(path) else str(file)
        if file.name not in KUSTOMIZATIONS:
            yield os.path.realpath(file), source, _reader_of(file)
            continue
        message = "a kustomization is not read as it is: kubectl builds the manifests that it stands for"
        build = f"kubectl kustomize {shlex.quote(str(file.parent))} | kubesvc up -"
        warnings.append(Fault(source, 0, 0, "", message, build))


def _read_stream(stdin: TextIO) -> bytes:
    """Return the bytes of standard input; a StringIO in its place, in tests, has no buffer of bytes."""
    buffer = getattr(stdin, "buffer", None)
    return stdin.read(MAX_BYTES + 1).encode() if buffer is None else bytes(buffer.read(MAX_BYTES + 1))


def _files_of(folder: str, faults: list[Fault]) -> list[Path]:
    try:
        files = sorted(
            each
            for each in Path(folder).iterdir()
            if (each.suffix in EXTENSIONS and each.name[0] != ".") or each.name in KUSTOMIZATIONS
        )
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


def _attempt(read: _Read, source: str, faults: list[Fault], warnings: list[Fault]) -> str | None:
    try:
        content = read()
        if len(content) > MAX_BYTES:
            faults.append(Fault(source, 0, 0, "", f"the file is larger than {MAX_BYTES // 2**20} MiB"))
            return None
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            warnings.append(Fault(source, 1, 1, "", "this is UTF-16 text; it is read, as kubectl does", _UTF_8))
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.append(Fault(source, line, 1, "", "this is not UTF-8 text", _UTF_8))
    except FileNotFoundError:
        hint = "download it first: kubesvc reads only files" if "://" in source else ""
        faults.append(Fault(source, 0, 0, "", f'the path "{source}" does not exist', hint))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        faults.append(Fault(source, 0, 0, "", f"cannot be read: {reason}"))
    return None

"""Warnings of files of a volume in each other's way (warningsForOverlappingVirtualPaths of ``pkg/api/pod``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.status import FieldError
from kubeapi.validation.warnings import verbatim


class _File(NamedTuple):
    path: str
    source: str

    def __str__(self) -> str:
        return f'"{self.path}" ({self.source})' if self.source else f'"{self.path}"'

    def is_in_the_way_of(self, other: _File) -> bool:
        """Tell whether one is the other, or a folder above it."""
        one, two = f"{self.path}/", f"{other.path}/"
        return bool(self.path and other.path) and (one.startswith(two) or two.startswith(one))


def overlapping_files(volumes: Sequence[JSON], path: str) -> Iterator[FieldError]:
    """Yield the warnings of the volumes at a path."""
    for index, volume in enumerate(volumes):
        sources = list_at(volume, "projected", "sources")
        if not all(sources):
            yield verbatim(f"{path}[{index}]", f'volume "{volume["name"]}" (Projected) has no sources provided')
        kind, files = _files_of(volume)
        for number, file in enumerate(files):
            for other in files[:number]:
                if file.is_in_the_way_of(other):
                    text = f'volume "{volume["name"]}" ({kind}): overlapping paths: {file} with {other}'
                    yield verbatim(f"{path}[{index}]", text)


def _files_of(volume: JSON) -> tuple[str, list[_File]]:
    """Return the kind of a volume, as texts name it, and its files with their sources."""
    if sources := list_at(volume, "projected", "sources"):
        return "Projected", [
            file for source in sources for kind, files in _named(source, "name") for file in _files(files, kind)
        ]
    for kind, files in _named(volume, "secretName"):
        return kind, list(_files(files, ""))
    return "", []


def _named(source: JSON, secret_name: str) -> Iterator[tuple[str, Sequence[JSON]]]:
    """Yield what a volume or a source of one is of, as texts name it, and its items."""
    for field, word, name in (("configMap", "ConfigMap", "name"), ("secret", "Secret", secret_name)):
        if field in source:
            yield f'{word} "{map_at(source, field).get(name, "")}"', list_at(source, field, "items")
    if "downwardAPI" in source:
        yield "DownwardAPI", list_at(source, "downwardAPI", "items")
    if "serviceAccountToken" in source:
        yield "ServiceAccountToken", [source["serviceAccountToken"]]


def _files(items: Sequence[JSON], source: str) -> Iterator[_File]:
    yield from (_File(each.get("path", "").rstrip("/"), source) for each in items)

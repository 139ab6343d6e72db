"""What paths within volumes must be (pkg/apis/core/validation)."""

from __future__ import annotations

from kubeapi.validation.faults import Faults, invalid


def no_backsteps(path: str, where: str) -> Faults:
    """Yield a fault if the path has a ``..``."""
    if ".." in path.split("/"):
        yield invalid(where, path, "must not contain '..'")


def descending_path(path: str, where: str) -> Faults:
    """Yield the faults of a path that must be relative and without ``..``."""
    if path.startswith("/"):
        yield invalid(where, path, "must be a relative path")
    yield from no_backsteps(path, where)


def non_reserved_path(path: str, where: str) -> Faults:
    """Yield the faults of a file's path in a volume; the kubelet reserves names that begin with two dots."""
    yield from descending_path(path, where)
    if path.startswith("..") and not path.startswith("../"):
        yield invalid(where, path, "must not start with '..'")

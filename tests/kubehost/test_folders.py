"""Folders are removed with whatever programs left in them."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubehost.folders import empty_place, remove_folder

ORDINARY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that an ordinary user may write."""
    made = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(made, ORDINARY, ORDINARY)
    yield made
    shutil.rmtree(made)


def as_ordinary_user(act: Callable[[], bool]) -> bool:
    """Return what a function says in a process whose user is held to permissions, as root is not."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(ORDINARY)
                os.setuid(ORDINARY)
            os._exit(0 if act() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_folder_goes_with_what_its_owner_may_not_change(folder: Path) -> None:
    def act() -> bool:
        for name, mode in (("closed", 0), ("fixed", 0o555)):
            inner = folder / "pod" / name / "deep"
            inner.mkdir(parents=True)
            (inner / "file").touch()
            inner.chmod(mode)
            inner.parent.chmod(mode)
        return remove_folder(folder / "pod")

    assert as_ordinary_user(act)
    assert list(folder.iterdir()) == []


def test_a_link_is_not_followed(folder: Path) -> None:
    outside, pod = folder / "outside", folder / "pod"
    outside.mkdir(mode=0o500)
    pod.mkdir()
    (pod / "link").symlink_to(outside)
    assert remove_folder(pod)
    assert outside.stat().st_mode & 0o777 == 0o500


def test_a_folder_that_is_not_there_is_gone(folder: Path) -> None:
    assert remove_folder(folder / "no")


def test_why_a_folder_stays_is_said(folder: Path) -> None:
    (folder / "pod" / "inner").mkdir(parents=True)

    def act() -> bool:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        try:
            empty_place(folder / "pod")
        except OSError as error:
            return error.errno == errno.EMFILE and not remove_folder(folder / "pod")
        return False

    assert as_ordinary_user(act)

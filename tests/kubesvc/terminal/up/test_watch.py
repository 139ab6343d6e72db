from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubesvc.terminal.up.watch import POLL_SECONDS, changes, look

pytestmark = pytest.mark.looptime


class Notices:
    """Counts what a watch yields."""

    def __init__(self) -> None:
        self.count = 0

    async def follow(self, paths: list[str]) -> None:
        async for _ in changes(paths, look(paths)):
            self.count += 1


@asynccontextmanager
async def watching(*paths: Path) -> AsyncIterator[Notices]:
    notices = Notices()
    task = asyncio.create_task(notices.follow([str(path) for path in paths]))
    await asyncio.sleep(POLL_SECONDS / 2)
    yield notices
    task.cancel()


async def polls(number: int) -> None:
    await asyncio.sleep(POLL_SECONDS * number)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text("a: 1\n")
    return tmp_path


def edit(folder: Path) -> None:
    (folder / "web.yaml").write_text("a: 2222\n")


def touch(folder: Path) -> None:
    os.utime(folder / "web.yaml", ns=(1, 1))


def add(folder: Path) -> None:
    (folder / "new.json").write_text("{}")


def remove(folder: Path) -> None:
    (folder / "web.yaml").unlink()


def replace(folder: Path) -> None:
    """Write a new file and move it into place, as editors and Git do; size and time stamp stay."""
    stamp = (folder / "web.yaml").stat().st_mtime_ns
    new = folder / ".web.yaml.swp"
    new.write_text("b: 1\n")
    os.utime(new, ns=(stamp, stamp))
    new.rename(folder / "web.yaml")


def swap(folder: Path) -> None:
    (folder / ".web.yaml.swp").write_text("x")
    (folder / "web.yaml~").write_text("x")
    (folder / "notes.txt").write_text("x")


@pytest.mark.parametrize("change", [edit, touch, add, remove, replace])
async def test_a_change_is_noticed_exactly_once(folder: Path, change: Callable[[Path], None]) -> None:
    async with watching(folder) as notices:
        change(folder)
        await polls(10)
        assert notices.count == 1


async def test_files_of_editors_are_no_change(folder: Path) -> None:
    async with watching(folder) as notices:
        swap(folder)
        await polls(10)
        assert notices.count == 0


async def test_a_file_that_is_still_being_written_is_left_alone_until_it_is_whole(folder: Path) -> None:
    async with watching(folder) as notices:
        with (folder / "web.yaml").open("a") as file:
            for _ in range(5):
                file.write("more: of it\n")
                file.flush()
                await polls(1)
                assert notices.count == 0
        await polls(10)
        assert notices.count == 1


async def test_several_edits_in_a_row_are_several_notices(folder: Path) -> None:
    async with watching(folder) as notices:
        for number in range(1, 4):
            (folder / "web.yaml").write_text("a" * number)
            await polls(3)
            assert notices.count == number


async def test_an_edit_that_is_taken_back_before_it_settled_is_none(folder: Path) -> None:
    file = folder / "web.yaml"
    stamp = file.stat().st_mtime_ns
    async with watching(folder) as notices:
        file.write_text("b: 22\n")
        await polls(1)
        file.write_text("a: 1\n")
        os.utime(file, ns=(stamp, stamp))
        await polls(10)
        assert notices.count == 0


async def test_what_changed_before_the_watch_began_is_noticed(folder: Path) -> None:
    seen = look([str(folder)])
    edit(folder)
    async with asyncio.timeout(POLL_SECONDS * 10):
        await anext(changes([str(folder)], seen))


async def test_a_named_file_is_watched_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "manifests"
    async with watching(file) as notices:
        file.write_text("a: 1\n")
        await polls(4)
        assert notices.count == 1
        file.unlink()
        await polls(4)
        assert notices.count == 2


def test_a_folder_that_vanished_or_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert look([str(tmp_path / "nothing"), "-"]) == {}
    (tmp_path / "a.yaml").symlink_to(tmp_path / "nothing")
    assert look([str(tmp_path)]) == {}

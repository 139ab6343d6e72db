"""Log frames, files, rotation, full disks, and readers."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.patience import PATIENCE

from kubeapi.podoptions import PodLogOptions
from kubelet.process.logs.frames import MAX_PIECE, Framer, parse_line
from kubelet.process.logs.reader import read_log
from kubelet.process.logs.writer import MAX_FILES, LogWriter

NOW = 1_700_000_000.25
NOW_NS = 1_700_000_000_250_000_000
STAMP = b"2023-11-14T22:13:20.250000000Z"


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([b"a\n"], [(b"F", b"a")], id="a line"),
        pytest.param([b"a\nb\n"], [(b"F", b"a"), (b"F", b"b")], id="two lines at once"),
        pytest.param([b"a", b"b\n"], [(b"F", b"ab")], id="a line in two reads"),
        pytest.param([b"\n\n"], [(b"F", b""), (b"F", b"")], id="empty lines"),
        pytest.param([b"\x00\xff\r\n"], [(b"F", b"\x00\xff\r")], id="binary"),
        pytest.param([b"a"], [(b"P", b"a")], id="no newline at the end"),
        pytest.param([b"x" * 40000 + b"\n"], [(b"P", 16384), (b"P", 16384), (b"F", 40000 - 32768)], id="long line"),
        pytest.param([b"x" * 20000], [(b"P", 16384), (b"P", 20000 - 16384)], id="long line that never ends"),
        pytest.param([b"x" * MAX_PIECE + b"\n"], [(b"F", MAX_PIECE)], id="a line that just fits"),
    ],
)
def test_output_becomes_lines_of_the_cri_format(chunks: list[bytes], expected: list[tuple[bytes, bytes | int]]) -> None:
    framer = Framer("stdout")
    framed = b"".join(framer.feed(chunk, NOW_NS) for chunk in chunks) + framer.finish(NOW_NS)
    lines = [parse_line(line) for line in framed[:-1].split(b"\n")]
    assert framed.startswith(STAMP + b" stdout ")
    found = [(b"P" if line.is_partial else b"F", line.content) for line in lines if line]
    assert found == [(tag, b"x" * said if isinstance(said, int) else said) for tag, said in expected]


@pytest.mark.parametrize("line", [b"", b"half", b"t stdout X y", b"t stdlog F y", b"t stdout F"])
def test_a_broken_log_line_is_skipped(line: bytes) -> None:
    assert parse_line(line) is None


class Log:
    """A writer with a clock to turn and its reports."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.now = NOW
        self.reports: list[str] = []
        self.writer = LogWriter(path, clock=lambda: self.now, report=self.reports.append, **options)

    def write(self, text: str, stream: str = "stdout") -> None:
        self.writer.write(stream, text.encode())
        self.writer.flush()

    async def read(self, **options: Any) -> bytes:
        chunks = read_log(self.writer.path, self.writer, PodLogOptions(**options), self.now)
        return b"".join([chunk async for chunk in chunks])


@pytest.fixture
async def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "pod" / "c" / "0.log")


async def test_a_log_is_read_as_it_was_written(log: Log) -> None:
    log.write("one\ntwo\n")
    log.write("oops\n", "stderr")
    log.write("no end")
    log.writer.close()
    assert await log.read() == b"one\ntwo\noops\nno end"


async def test_lines_are_written_in_batches_without_being_asked(log: Log) -> None:
    log.writer.write("stdout", b"one\n")
    assert not log.writer.path.exists()
    async with asyncio.timeout(PATIENCE):
        await log.writer.grown.wait()
    assert log.writer.path.read_bytes() == STAMP + b" stdout F one\n"
    log.writer.close()


async def test_timestamps_are_those_of_each_line_also_of_one_in_pieces(log: Log) -> None:
    log.write("x" * 20000 + "\nshort\n")
    log.writer.close()
    assert await log.read(timestamps=True) == STAMP + b" " + b"x" * 20000 + b"\n" + STAMP + b" short\n"


@pytest.mark.parametrize(("count", "expected"), [(0, b""), (1, b"e\n"), (2, b"d\ne\n"), (9, b"a\nb\nc\nd\ne\n")])
async def test_the_tail_counts_lines(log: Log, count: int, expected: bytes) -> None:
    log.write("a\nb\nc\nd\ne\n")
    log.writer.close()
    assert await log.read(tail_lines=count) == expected


async def test_since_leaves_out_older_lines(log: Log) -> None:
    log.write("old\n")
    log.now += 60
    log.write("new\n")
    log.writer.close()
    assert await log.read(since_seconds=30) == b"new\n"


async def test_a_log_that_is_followed_ends_with_its_container(log: Log) -> None:
    log.write("one\n")
    reader = read_log(log.writer.path, log.writer, PodLogOptions(follow=True), NOW)
    assert await anext(reader) == b"one\n"
    waiting = asyncio.ensure_future(anext(reader, b"end"))
    log.write("two\n")
    assert await waiting == b"two\n"
    log.writer.close()
    assert await anext(reader, b"end") == b"end"


async def test_a_log_is_rotated_and_bounded_and_the_reader_goes_through_all_parts(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", max_file_bytes=100)
    for number in range(20):
        log.write(f"{number}\n" + "y" * 60 + "\n")
    log.writer.close()
    assert len(list(tmp_path.iterdir())) <= MAX_FILES
    lines = (await log.read()).split()
    assert lines[-2:] == [b"19", b"y" * 60]
    assert (await log.read(tail_lines=3)).split() == [b"y" * 60, b"19", b"y" * 60]


async def test_a_reader_that_follows_lives_through_a_rotation(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", max_file_bytes=50)
    log.write("one\n")
    reader = read_log(log.writer.path, log.writer, PodLogOptions(follow=True), NOW)
    assert await anext(reader) == b"one\n"
    log.write("two\n")
    log.write("three\n")
    log.writer.close()
    assert b"".join([chunk async for chunk in reader]) == b"two\nthree\n"


async def test_a_reader_that_is_slower_than_three_rotations_misses_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", max_file_bytes=50)
    log.write("0\n")
    reader = read_log(log.writer.path, log.writer, PodLogOptions(follow=True), NOW)
    assert await anext(reader) == b"0\n"
    for number in range(1, 7):
        log.write(f"{number}\n")
    log.writer.close()
    assert b"".join([chunk async for chunk in reader]) == b"1\n2\n3\n4\n5\n6\n"


async def test_the_tail_of_a_long_log_is_found_from_its_end(log: Log) -> None:
    log.write("".join(f"line {number} {'x' * 30}\n" for number in range(5000)))
    log.write("y" * 40000 + "\n")
    log.writer.close()
    last = [f"line {number} {'x' * 30}\n" for number in range(2001, 5000)]
    assert await log.read(tail_lines=3000) == ("".join(last) + "y" * 40000 + "\n").encode()


async def test_a_full_disk_costs_lines_which_are_counted_and_told_once(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.symlink_to("/dev/full")
    log = Log(path)
    log.write("one\ntwo\n")
    log.write("three\n")
    assert log.writer.lost_lines == 3
    assert len(log.reports) == 1
    assert "No space left on device" in log.reports[0]
    log.writer.close()


async def test_writing_goes_on_when_there_is_room_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write("one\n")
    real_write, calls = os.write, iter((True, False))

    def torn(descriptor: int, chunk: bytes) -> int:
        if next(calls):
            return real_write(descriptor, chunk[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", torn)
        log.write("lost\nlost\n")
    assert len(log.reports) == 1
    log.write("back\n")
    log.writer.close()
    assert await log.read() == b"one\nkubesvc: 2 lines of the log were lost\nback\n"


async def test_a_folder_that_cannot_be_made_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = Log(tmp_path / "file" / "0.log")
    log.write("one\n")
    log.writer.close()
    assert log.writer.lost_lines == 1

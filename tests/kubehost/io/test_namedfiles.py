"""Files that a user names: devices without an end, pipes, and files far too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubehost.io.namedfiles import LIMIT, read_named, read_named_text


@pytest.mark.parametrize("takes_pipes", [True, False])
def test_a_device_without_an_end_is_refused_with_the_limit(takes_pipes: bool) -> None:
    with pytest.raises(OSError, match="it has more than 16 MiB; name a smaller file"):
        read_named("/dev/zero", takes_pipes=takes_pipes)


def test_a_file_of_the_limit_is_read_and_one_byte_more_is_too_much(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, LIMIT)
    assert len(read_named(str(path), takes_pipes=False)) == LIMIT
    os.truncate(path, LIMIT + 1)
    with pytest.raises(OSError, match="more than 16 MiB"):
        read_named(str(path), takes_pipes=False)


def test_a_pipe_is_read_to_its_end_where_it_may_be_one() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a\r\nb")
    os.close(writing)
    assert read_named_text(f"/dev/fd/{reading}", takes_pipes=True) == "a\nb"
    os.close(reading)


def test_a_pipe_that_nobody_writes_is_refused_at_once_where_it_may_be_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a pipe"):
        read_named(str(tmp_path / "pipe"), takes_pipes=False)


def test_the_empty_device_is_an_empty_file_and_a_folder_is_none(tmp_path: Path) -> None:
    assert read_named(os.devnull, takes_pipes=False) == b""
    with pytest.raises(IsADirectoryError):
        read_named(str(tmp_path), takes_pipes=False)

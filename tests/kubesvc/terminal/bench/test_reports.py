"""A report's files are written before it is printed, and what cannot be written is said."""

from __future__ import annotations

import pytest

from kubesvc.terminal.bench.reports import publish


def test_files_are_written_before_the_text_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    def text() -> str:
        assert done == ["files"]
        return "the text\n"

    assert publish(lambda: done.append("files"), dict, text, is_json=False)
    assert capsys.readouterr().out == "the text\n"


def test_a_file_that_cannot_be_written_costs_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise OSError(28, "No space left on device", "/full/page.html")

    assert not publish(write, lambda: {"requests": 3}, str, is_json=True)
    printed = capsys.readouterr()
    assert printed.out == '{\n  "requests": 3\n}\n'
    assert printed.err == "kubesvc: /full/page.html: No space left on device; it is not written\n"

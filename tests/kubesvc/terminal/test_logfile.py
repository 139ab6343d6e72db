"""kubesvc.log has a line for each record, whatever is in it."""

from __future__ import annotations

import io
import logging

from kubesvc.terminal.logfile import LogFormatter


def written(message: str, *arguments: object, error: Exception | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter("%(levelname)s %(message)s"))
    info = (type(error), error, error.__traceback__) if error is not None else None
    handler.emit(logging.LogRecord("x", logging.ERROR, "f", 1, message, arguments, info))
    return stream.getvalue()


def test_a_message_stays_one_line() -> None:
    assert written("GET %s", "/\x1b[31m\nERROR forged") == "ERROR GET /\\x1b[31m\\nERROR forged\n"


def test_a_traceback_keeps_its_lines_and_does_nothing() -> None:
    try:
        raise ValueError("\x1b]0;title\x07")
    except ValueError as error:
        said = written("what", error=error)
    assert said.startswith("ERROR what\nTraceback (most recent call last):\n")
    assert said.endswith("ValueError: \\x1b]0;title\\x07\n")

"""The format of kubesvc.log: a line for each record, with control characters escaped."""

from __future__ import annotations

import logging
from typing import TextIO

from kubesvc.escaping import escaped, escaped_lines

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFormatter(logging.Formatter):
    """Escapes messages; a traceback keeps its line breaks."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """Return the line of a record."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  logging's own name
        """Return the traceback."""
        return escaped_lines(super().formatException(ei))  # type: ignore[arg-type]  # as logging passes it


def write_log(stream: TextIO) -> None:
    """Write all log records of level WARNING and above to ``stream``."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter(_FORMAT))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)

"""What the log says of clients that speak no good HTTP: a line each, without a traceback, and only so many a minute.

aiohttp logs the traceback of every request that it cannot read, to the logger that all of its servers share. Whoever
reaches a port could fill the disk by that, without a token.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LOGGER = "aiohttp.server"
LINES, SECONDS = 10, 60.0
"""Lines of one such span of time; what comes beyond them is counted, and told with the next line."""
_LONGEST = 200
"""Characters of what is said of one request: it quotes the client."""


class ClientFaults(logging.Filter):
    """Shortens the records that are a client's fault, and drops them when there are many; all others stay whole."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._span_ends = 0.0
        self._left = 0
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written."""
        error = record.exc_info[1] if record.exc_info else None
        # The library's own exceptions say what it could not read; anything else would be ours.
        if error is None or not type(error).__module__.startswith("aiohttp."):
            return True
        if not self._has_room():
            self._dropped += 1
            return False
        said = repr(" ".join(str(error).split()))[1:-1][:_LONGEST]
        more = f" (and {self._dropped:,} more before it)" if self._dropped else ""
        self._dropped = 0
        record.msg, record.args = "a client's request is refused: %s: %s%s", (type(error).__name__, said, more)
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        return True

    def _has_room(self) -> bool:
        now = self._clock()
        if now >= self._span_ends:
            self._span_ends, self._left = now + SECONDS, LINES
        self._left -= 1
        return self._left >= 0


def install() -> None:
    """Have the process' log treat the faults of clients so."""
    logging.getLogger(LOGGER).addFilter(ClientFaults())

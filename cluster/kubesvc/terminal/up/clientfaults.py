"""Limits what the log says about malformed HTTP requests: one line each, without a traceback, and 10 a minute.

aiohttp logs a traceback for every request that it cannot parse, to one logger for all of its servers. Any client that
reaches a port could fill the disk that way, without a token.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LOGGER = "aiohttp.server"
LINES, SECONDS = 10, 60.0
"""Most lines in that many seconds; further ones are counted, and the next line gives the count."""
_LONGEST = 200
"""Longest message about one request, in characters: it quotes the client."""


class ClientFaults(logging.Filter):
    """Shortens records about malformed requests and drops the excess; passes all other records unchanged."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._span_ends = 0.0
        self._left = 0
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written."""
        error = record.exc_info[1] if record.exc_info else None
        # An exception class of aiohttp means that it could not parse a request; any other is a fault of kubesvc.
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
    """Add the filter to aiohttp's logger."""
    logging.getLogger(LOGGER).addFilter(ClientFaults())

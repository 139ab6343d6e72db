"""What a connection of many streams does in time: it asks a silent peer, and judges readers that hold up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

PING_SECONDS = 10.0
"""How often a silent peer is asked whether it is there (kubectl's PortForward PingPeriod)."""
PINGS = 6
"""How many times in a row. A kubelet answers late when a pod takes no bytes: five workers handle the frames of all
streams, and one that waits for a pod answers no ping (moby/spdystream). A network that is dead is found by TCP."""


class Heartbeat:
    """Calls ``ask`` whenever nothing was heard for PING_SECONDS, and ``give_up`` after PINGS without any answer."""

    def __init__(self, ask: Callable[[], None], give_up: Callable[[], None]) -> None:
        self._ask = ask
        self._give_up = give_up
        self._asked = 0
        self._timer: asyncio.TimerHandle | None = None
        self.has_heard = False
        """Set by the owner whenever something comes."""

    def start(self) -> None:
        """Begin."""
        self._timer = asyncio.get_running_loop().call_later(PING_SECONDS, self._look)

    def stop(self) -> None:
        """Do nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.start()
        if self.has_heard:
            self._asked = 0
        elif self._asked == PINGS:
            self._give_up()
        else:
            self._asked += 1
            self._ask()
        self.has_heard = False


class Stalling:
    """The streams whose readers are too slow.

    ``read_on`` is called with whether the connection is to be read; ``judge`` with the streams, every ``seconds`` as
    long as there are some, never without ``seconds``.
    """

    def __init__(
        self, read_on: Callable[[bool], None], judge: Callable[[Collection[int]], None], seconds: float | None
    ) -> None:
        self._read_on = read_on
        self._judge = judge
        self._seconds = seconds
        self._streams: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_stalled(self) -> bool:
        """Whether there are any."""
        return bool(self._streams)

    def add(self, stream: int) -> None:
        """Stop reading, until every stalled stream is discarded."""
        if not self._streams:
            self._read_on(False)
            self._wait()
        self._streams.add(stream)

    def discard(self, stream: int) -> None:
        """Know that a stream is not stalled, or not any more."""
        if stream in self._streams:
            self._streams.remove(stream)
            if not self._streams:
                self.stop()
                self._read_on(True)

    def stop(self) -> None:
        """Judge no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self._seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def _look(self) -> None:
        self._wait()
        self._judge(tuple(self._streams))
